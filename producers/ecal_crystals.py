"""EcalCrystalProducer: chooses the hits worth using and puts them at their place in the detector."""

from __future__ import annotations

import logging
from typing import Annotated

import numpy as np

from eventproc.errors import EventCorruption
from eventproc.model.event import Event
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, EDProducer, ParameterDescription, doc
from producers.algorithms import rechit_selection
from producers.algorithms.ecal_geometry import crystal_positions
from producers.datatypes import DroppedHits, EcalCrystals, EcalRecHits

_LOG = logging.getLogger("eventproc.EcalCrystalProducer")


class EcalCrystalProducer(EDProducer):
    """Selects rec hits of the ECAL barrel and gives each its pseudorapidity and azimuth."""

    class Params(ParameterDescription):
        """See ``producers.algorithms.rechit_selection`` for the selection."""

        hits: Annotated[InputTag, doc("the rec hits")] = InputTag("ecalRecHits")
        energyMin: Annotated[float, doc("hits at or below it are dropped, GeV", ge=0)] = 0.25
        severityMax: Annotated[int, doc("hits of a severity above it are dropped", ge=0, le=5)] = 2
        strict: Annotated[bool, doc("a hit that is no number or no crystal ends the job (8016)")] = False

    def __init__(self, params: Params, declare: Declare) -> None:
        self._hits = declare.consumes(EcalRecHits, params.hits)
        self._crystals = declare.produces(EcalCrystals)
        self._dropped = declare.produces(DroppedHits)
        severity = rechit_selection.Severity(params.severityMax)
        self._selection = rechit_selection.RecHitSelection(params.energyMin, severity)
        self._strict = params.strict
        self._label = declare.label
        self._n_invalid_id = self._n_not_finite = 0  # totals of the job, for the log

    def produce(self, event: Event) -> None:
        """Puts the selected crystals and, where they are wanted, the counts of the dropped hits."""
        hits = event.get(self._hits)
        kept, dropped = self._selection.select(hits.rawId, hits.energy, hits.flags)
        if self._strict and dropped.invalid_id + dropped.not_finite:
            message = (
                f"event {event.id}: {dropped.invalid_id} hits name no barrel crystal and "
                f"{dropped.not_finite} have an energy that is not a number; "
                "strict = False drops and counts them"
            )
            raise EventCorruption(message)
        self._n_invalid_id += dropped.invalid_id
        self._n_not_finite += dropped.not_finite
        eta, phi = crystal_positions(hits.rawId[kept])
        event.put(
            self._crystals,
            EcalCrystals(hits.energy[kept], eta.astype(np.float32), phi.astype(np.float32)),
        )
        if self._dropped.is_wanted:
            counts = np.array([getattr(dropped, name) for name in dropped.__slots__], np.uint32)
            event.put(self._dropped, DroppedHits(*counts[:, np.newaxis]))

    def end_job(self) -> None:
        """Says how many hits made no sense; noise below threshold is no news."""
        if self._n_invalid_id + self._n_not_finite:
            _LOG.warning(
                "%s dropped %d hits that name no barrel crystal and %d whose energy is not a number",
                self._label,
                self._n_invalid_id,
                self._n_not_finite,
            )
