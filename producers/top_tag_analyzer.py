"""TopTagAnalyzer: histograms of the jets and their scores, by truth where it is known."""

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
from producers.algorithms.jet_matching import LABEL_QCD, LABEL_TOP, LABEL_UNMATCHED
from producers.datatypes import Jets, JetTruth, TopTags

KINDS = {LABEL_TOP: "top", LABEL_QCD: "QCD", LABEL_UNMATCHED: "unknown"}
"""Names of the truth labels, as the histograms' category axis has them."""
_BELOW_ONE = np.nextafter(np.float32(1), np.float32(0))


class TopTagAnalyzer(EDAnalyzer):
    """Fills score, mass and transverse momentum of the jets and writes them at the end of the job."""

    files: ClassVar[Mapping[str, FileMerge]] = {"fileName": add_histograms}

    class Params(ParameterDescription):
        """What to look at and where to write."""

        jets: Annotated[InputTag, doc("the jets")] = InputTag("ecalJets")
        tags: Annotated[InputTag, doc("their scores")] = InputTag("topTags")
        truth: Annotated[InputTag, doc("their truth labels, if there are any")] = InputTag("jetTruth")
        fileName: Annotated[str, doc("where to write the histograms", untracked=True)] = "histograms.root"

    def __init__(self, params: Params, declare: Declare) -> None:
        self._jets = declare.consumes(Jets, params.jets)
        self._tags = declare.consumes(TopTags, params.tags)
        self._truth = declare.may_consume(JetTruth, params.truth)
        self._path = Path(params.fileName)
        kind = hist.axis.StrCategory(list(KINDS.values()), name="kind", label="truth")
        self._histograms: dict[str, hist.Hist[Any]] = {
            "score": hist.Hist(kind, hist.axis.Regular(50, 0, 1, name="score", label="top score")),
            "pt": hist.Hist(kind, hist.axis.Regular(50, 0, 1000, name="pt", label="jet $E_T$ [GeV]")),
            "mass": hist.Hist(kind, hist.axis.Regular(50, 0, 250, name="mass", label="jet mass [GeV]")),
        }

    def analyze(self, event: EventView) -> None:
        """Fills the event's jets; a jet without score enters all histograms but the score."""
        jets, tags = event.get(self._jets), event.get(self._tags)
        labels = (
            event.get(self._truth).label
            if event.has(self._truth)
            else np.full(len(jets), LABEL_UNMATCHED, np.int8)
        )
        for label, kind in KINDS.items():
            chosen = labels == label
            if chosen.any():
                score = tags.score[chosen]
                # A bin ends before its upper edge: a score of 1 would be lost in the overflow.
                score = np.minimum(score[np.isfinite(score)], _BELOW_ONE)
                self._histograms["score"].fill(kind=kind, score=score)
                self._histograms["pt"].fill(kind=kind, pt=jets.pt[chosen])
                self._histograms["mass"].fill(kind=kind, mass=jets.mass[chosen])

    def end_job(self) -> None:
        """Writes one histogram for each quantity and kind of jet, such as ``score_top``."""
        named = {
            f"{name}_{kind}": histogram[{"kind": kind}]
            for name, histogram in self._histograms.items()
            for kind in KINDS.values()
        }
        write_histograms(self._path, named)
