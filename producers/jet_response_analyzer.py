"""JetResponseAnalyzer: compares jets from crystals with the jets that the experiment reconstructed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

import hist
import numpy as np

from eventproc.io.format.histogram_file import write_histograms
from eventproc.io.merging.histogram_merge import add_histograms
from eventproc.model.event import EventView
from eventproc.model.input_tag import InputTag
from eventproc.modules import Declare, EDAnalyzer, FileMerge, ParameterDescription, doc
from producers.algorithms.jet_matching import match_nearest
from producers.datatypes import Jets, PFJets


class JetResponseAnalyzer(EDAnalyzer):
    """Matches particle-flow jets to crystal jets in eta and phi, and fills distance and response.

    The ECAL sees photons, electrons and part of the hadrons, so that a response well below 1 is right.
    """

    files: ClassVar[Mapping[str, FileMerge]] = {"fileName": add_histograms}

    class Params(ParameterDescription):
        """Which jets, and when they match."""

        jets: Annotated[InputTag, doc("jets from crystals")] = InputTag("ecalJets")
        reference: Annotated[InputTag, doc("the experiment's own jets")] = InputTag("ak5PFJets")
        referenceEtMin: Annotated[float, doc("reference jets of less ET are left out, GeV", ge=0)] = 40.0
        referenceAbsEtaMax: Annotated[float, doc("reference jets of larger |eta| are left out")] = 1.0
        deltaRMax: Annotated[float, doc("jets farther apart do not match", gt=0)] = 0.3
        fileName: Annotated[str, doc("where to write the histograms", untracked=True)] = "jet_response.root"

    def __init__(self, params: Params, declare: Declare) -> None:
        self._jets = declare.consumes(Jets, params.jets)
        self._reference = declare.consumes(PFJets, params.reference)
        self._params = params
        matched = hist.axis.Boolean(name="matched", label="matched")
        self._et: hist.Hist[Any] = hist.Hist(
            matched, hist.axis.Regular(30, 0, 300, name="et", label="reference jet $E_T$ [GeV]")
        )
        self._delta_r: hist.Hist[Any] = hist.Hist(
            hist.axis.Regular(30, 0, params.deltaRMax, name="deltaR", label="$\\Delta R$")
        )
        self._response: hist.Hist[Any] = hist.Hist(
            hist.axis.Regular(40, 0, 2, name="response", label="crystal jet $E_T$ / reference $E_T$")
        )

    def analyze(self, event: EventView) -> None:
        """Fills the event's reference jets."""
        jets, reference = event.get(self._jets), event.get(self._reference)
        chosen = (reference.et >= self._params.referenceEtMin) & (
            np.abs(reference.eta) <= self._params.referenceAbsEtaMax
        )
        et = reference.et[chosen]
        nearest, distance = match_nearest(
            reference.eta[chosen], reference.phi[chosen], jets.eta, jets.phi, self._params.deltaRMax
        )
        matched = nearest >= 0
        self._et.fill(matched=matched, et=et)
        self._delta_r.fill(deltaR=distance[matched])
        self._response.fill(response=jets.pt[nearest[matched]] / et[matched])

    def end_job(self) -> None:
        """Writes the histograms."""
        write_histograms(
            Path(self._params.fileName),
            {
                "et_matched": self._et[{"matched": True}],
                "et_unmatched": self._et[{"matched": False}],
                "deltaR": self._delta_r,
                "response": self._response,
            },
        )
