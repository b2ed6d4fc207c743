"""PythiaSource: events that are simulated while the job runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import msgspec

from eventproc.errors import ConfigurationError, EventProcError
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.product import Product
from eventproc.modules import ParameterDescription, Source, SourceBinding, SourceEvent, doc
from producers.datatypes import EcalRecHits, GenPartons
from producers.samples.generator import EventGenerator, GenerationError, SimulatedEvent

_PRODUCTS: dict[str, type[Product]] = {"ecalRecHits": EcalRecHits, "genPartons": GenPartons}


class EventGenerationError(EventProcError):
    """Pythia is missing or cannot make events."""

    exit_code = 8501
    category = "EventGenerationFailure"


class PythiaSource(Source):
    """Generates collisions with Pythia and simulates the ECAL barrel; the processes take turns."""

    class Params(ParameterDescription):
        """What to generate; ``EventGenerator`` says what each field means."""

        processes: Annotated[list[str], doc("'top' and 'QCD', in turn")] = msgspec.field(
            default_factory=lambda: ["top", "QCD"]
        )
        seed: Annotated[int, doc("fixes every event", ge=0)] = 1
        ptHatMin: Annotated[float, doc("least transverse momentum of the hard process, GeV")] = 500.0
        ptHatMax: Annotated[float, doc("largest transverse momentum of the hard process, GeV")] = 700.0
        pileup: Annotated[float, doc("mean number of soft collisions laid over each", ge=0)] = 0.0
        firstRun: Annotated[int, doc("run number of all events", ge=1)] = 1
        eventsPerLumi: Annotated[int, doc("events in a luminosity block", ge=1)] = 100

    def __init__(self, params: Params, process: str) -> None:
        self._params = params
        self._process = process
        self._slots: dict[int, str] = {}  # slot to label, set by bind
        self._n_events = 0
        try:
            self._generators = [self._generate(name, i) for i, name in enumerate(params.processes)]
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
        if not self._generators:
            message = "PythiaSource needs at least one process: 'top' or 'QCD'"
            raise ConfigurationError(message)

    def _generate(self, process: str, number: int) -> Iterator[SimulatedEvent]:
        p = self._params
        seed = p.seed * len(p.processes) + number
        return EventGenerator(process, seed, p.ptHatMin, p.ptHatMax, pileup=p.pileup).events()

    def branches(self) -> Sequence[BranchDescription]:
        """Rec hits and hard partons."""
        return [
            BranchDescription(kind.name(), label, "", self._process, kind.schema())
            for label, kind in _PRODUCTS.items()
        ]

    def bind(self, bindings: Sequence[SourceBinding]) -> None:
        """Notes the slots of the products."""
        self._slots = {binding.slot: binding.branch.label for binding in bindings}

    async def next_event(self) -> SourceEvent:
        """Simulates one event, in a thread.

        Raises:
            EventGenerationError: pythia8mc is not installed or fails.
        """
        generator = self._generators[self._n_events % len(self._generators)]
        try:
            event = await asyncio.to_thread(next, generator)
        except GenerationError as error:
            raise EventGenerationError(str(error)) from error
        self._n_events += 1
        lumi = 1 + (self._n_events - 1) // self._params.eventsPerLumi
        products = _products(event)

        def read(slot: int) -> Any:
            return products.get(self._slots.get(slot, ""))

        return SourceEvent(EventID(self._params.firstRun, lumi, self._n_events), read)


def _products(event: SimulatedEvent) -> dict[str, Product]:
    return {
        "ecalRecHits": EcalRecHits(event.rawId, event.energy, event.time, event.flags),
        "genPartons": GenPartons(
            event.parton_pdgId, event.parton_pt, event.parton_eta, event.parton_phi
        ),
    }  # fmt: skip
