"""JetSampleWriter: keeps labelled jets with the crystals around them, for training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from eventproc.model.event import EventView
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, EDAnalyzer, ParameterDescription, doc
from producers.algorithms.ecal_geometry import transverse_energy
from producers.datatypes import EcalCrystals, Jets, JetTruth
from producers.training.dataset import JetSample, concatenate, labelled_jets, write_jets


class JetSampleWriter(EDAnalyzer):
    """Collects the jets that have a label and writes them at the end of the job."""

    class Params(ParameterDescription):
        """Which jets, and where to."""

        crystals: Annotated[InputTag, doc("the crystals")] = InputTag("ecalCrystals")
        jets: Annotated[InputTag, doc("the jets")] = InputTag("ecalJets")
        truth: Annotated[InputTag, doc("their labels")] = InputTag("jetTruth")
        fileName: Annotated[str, doc("where to write the jets", untracked=True)] = "jets.npz"

    def __init__(self, params: Params, declare: Declare) -> None:
        self._crystals = declare.consumes(EcalCrystals, params.crystals)
        self._jets = declare.consumes(Jets, params.jets)
        self._truth = declare.consumes(JetTruth, params.truth)
        self._path = Path(params.fileName)
        self._samples: list[JetSample] = []  # one for each event, in order

    def analyze(self, event: EventView) -> None:
        """Takes the event's jets."""
        crystals, jets = event.get(self._crystals), event.get(self._jets)
        self._samples.append(
            labelled_jets(
                (transverse_energy(crystals.energy, crystals.eta), crystals.eta, crystals.phi),
                (jets.pt, jets.eta, jets.phi, jets.mass),
                event.get(self._truth).label,
            )
        )

    def end_job(self) -> None:
        """Writes the jets of all events; where none has a label there is nothing to write."""
        if any(map(len, self._samples)):
            write_jets(self._path, concatenate(self._samples))
