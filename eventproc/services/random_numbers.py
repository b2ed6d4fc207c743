"""RandomNumberGeneratorService: random numbers for modules, the same on any number of streams."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import numpy as np

from eventproc.errors import ConfigurationError, near_names
from eventproc.model.event import EventView
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.service import Service


class RandomEngine:
    """A module's source of random numbers.

    The numbers of an event follow from the module's label, its seed and the event's id, and from nothing
    else: neither streams, nor the order of events, nor what else was drawn. Philox (Salmon et al.,
    doi:10.1145/2063384.2063405) is made for that: its key is the module, its counter the event.
    """

    def __init__(self, label: str, seed: int) -> None:
        digest = hashlib.sha256(f"{seed}:{label}".encode()).digest()
        self._key = np.frombuffer(digest[:16], "<u8").astype(np.uint64)

    def generator(self, event: EventView) -> np.random.Generator:
        """A fresh generator for an event; asked twice for one event, it draws the same numbers twice."""
        run, lumi, number = event.id
        # The first word counts what is drawn within the event.
        counter = np.array([0, number, lumi, run], np.uint64)
        return np.random.Generator(np.random.Philox(counter=counter, key=self._key))


class RandomNumberGeneratorService(Service):
    """Gives each module an engine of its own; ``declare.service(...)`` in a module's constructor finds it."""

    class Params(ParameterDescription):
        """Seeds. Two jobs with the same seeds over the same events draw the same numbers."""

        initialSeed: Annotated[int, doc("seed of every module that has none of its own", ge=0)]
        moduleSeeds: Annotated[dict[str, int], doc("seeds by module label")] = msgspec.field(
            default_factory=dict
        )

    def __init__(self, params: Params) -> None:
        self._params = params
        self._seeds: dict[str, int] = {}  # of the modules that asked

    def engine(self, label: str) -> RandomEngine:
        """The engine of a module.

        Args:
            label: the module's own label, ``declare.label``.
        """
        seed = self._seeds[label] = self._params.moduleSeeds.get(label, self._params.initialSeed)
        return RandomEngine(label, seed)

    def begin_job(self, expected_events: int | None) -> None:  # noqa: ARG002 - the base class's signature
        """Checks that every seed is somebody's.

        Raises:
            ConfigurationError: a seed is given for a module that asks for no random numbers.
        """
        for label in self._params.moduleSeeds:
            if label not in self._seeds:
                message = (
                    f"RandomNumberGeneratorService: moduleSeeds has a seed for {label!r}, "
                    f"which asks for no random numbers: {near_names(label, self._seeds)}"
                )
                raise ConfigurationError(message)

    def absorb(self, states: Sequence[Any]) -> None:
        """Nothing: modules of this process asked for the same seeds when they were built."""

    def report(self) -> Mapping[str, Any]:
        """The seeds, by label."""
        return {"seeds": dict(self._seeds)}
