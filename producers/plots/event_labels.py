"""What a display writes beside an event and its jets."""

from __future__ import annotations

import math

from producers.algorithms.jet_matching import LABEL_QCD, LABEL_TOP
from producers.datatypes import TagStatus
from producers.plots.shown_event import ShownEvent

TRUTH = {LABEL_TOP: "top", LABEL_QCD: "QCD"}
STATUS = {
    TagStatus.emptyImage: "empty image, not asked",
    TagStatus.callFailed: "nobody answered",
    TagStatus.invalidScore: "the answer is no score",
}


def event_title(event: ShownEvent) -> str:
    """The event's id in words."""
    return f"Run {event.id.run}, luminosity block {event.id.luminosityBlock}, event {event.id.event}"


def score_text(event: ShownEvent, jet: int) -> str:
    """The score of a jet, or why it has none."""
    if event.tags is None:
        return "not scored"
    score, status = float(event.tags.score[jet]), int(event.tags.status[jet])
    if math.isfinite(score):
        return f"top score {score:.3f}"
    return STATUS.get(TagStatus(status), "no score")


def truth_text(event: ShownEvent, jet: int) -> str:
    """What a jet really is; "" when nobody knows."""
    return "" if event.truth is None else TRUTH.get(int(event.truth.label[jet]), "")


def inference_text(event: ShownEvent) -> str:
    """Who computed the scores; "" when nobody was asked."""
    record = event.inference
    if record is None:
        return ""
    if not record.server[0]:
        return f"{record.model[0]}: nobody answered, tries {int(record.attempts[0])}"
    return (
        f"{record.model[0]} version {record.modelVersion[0]} on {record.server[0]} ({record.device[0]}, "
        f"{record.precision[0]}): {int(record.totalUs[0]) / 1000:.1f} ms, "
        f"{int(record.computeUs[0]) / 1000:.1f} ms of it computing, tries {int(record.attempts[0])}"
    )


def jets_text(event: ShownEvent) -> str:
    """How many jets, and where they are from."""
    n, where = len(event.jets), "clustered here" if event.clustered_here else "from the file"
    return f"{n} jet{'' if n == 1 else 's'} of radius {event.radius:g}, {where}"


def jet_rows(event: ShownEvent) -> list[dict[str, str]]:
    """What is known of each jet, name to value."""
    jets = event.jets
    return [
        {
            "ET": f"{jets.pt[jet]:.1f} GeV",
            "mass": f"{jets.mass[jet]:.1f} GeV",
            "η, φ": f"{jets.eta[jet]:.3f}, {jets.phi[jet]:.3f}",
            "crystals": f"{int(jets.nCrystals[jet])}",
            **({"truth": truth} if (truth := truth_text(event, jet)) else {}),
        }
        for jet in range(len(jets))
    ]
