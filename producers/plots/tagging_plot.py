"""Draws how well the tagger separates top quarks from QCD jets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mplhep
import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.figure import Figure

from eventproc.errors import FileReadError
from eventproc.io.root.root_file import RootFile
from producers.algorithms.jet_matching import LABEL_QCD, LABEL_TOP
from producers.algorithms.roc import roc_points
from producers.algorithms.tagging_metrics import TaggingPerformance, measure_tagging
from producers.plots.picture import write_picture

_COLOURS = {"top": "#bd1f01", "QCD": "#3f90da", "unknown": "#717581"}
"""From the six-colour scheme of M. Petroff (arXiv:2107.02270), which CMS recommends."""


@dataclass(frozen=True, slots=True)
class TaggedJets:
    """Scored jets of one or several files.

    Attributes:
        score: float32, (n_jets,), finite.
        label: int8, (n_jets,): 1 top, 0 QCD, -1 unknown.
        n_without_score: jets left out because they have no score.
    """

    score: npt.NDArray[np.float32]
    label: npt.NDArray[np.int8]
    n_without_score: int

    def of(self, label: int) -> npt.NDArray[np.float32]:
        """Scores of the jets of one truth label."""
        chosen: npt.NDArray[np.float32] = self.score[self.label == label]
        return chosen


def read_tagged_jets(files: Sequence[Path], tags: str, truth: str) -> TaggedJets:
    """Reads scores and truth labels from output files of a tagging job.

    Raises:
        FileOpenError: a file cannot be opened.
        FileReadError: it holds no scores under that label.
    """
    scores, labels = [], []
    for path in files:
        names = [f"{tags}_score", f"{truth}_label"]
        with RootFile(str(path)) as file:
            events = file.tree("Events")
            missing = [name for name in names if name not in events.branch_names]
            if missing:
                known = [name for name in events.branch_names if name.endswith(("_score", "_label"))]
                message = (
                    f"{path}: no branch {' and no branch '.join(missing)}; "
                    f"scores and labels there: {', '.join(known) or 'none'}"
                )
                raise FileReadError(message)
            events.require(*names, jagged=True)
            score, label = (np.asarray(events.read(name, 0, events.n_entries).content) for name in names)
        scores.append(score)
        labels.append(label)
    score, label = np.concatenate(scores), np.concatenate(labels)
    scored = np.isfinite(score)
    return TaggedJets(score[scored], label[scored], int((~scored).sum()))


def draw_tagging(jets: TaggedJets, output: Path) -> list[str]:
    """Draws scores by truth, and the ROC curve where both kinds are there.

    Returns:
        Sentences with the figures of merit.

    Raises:
        FileWriteError: the picture cannot be written.
    """
    both = bool(len(jets.of(LABEL_TOP)) and len(jets.of(LABEL_QCD)))
    lines = [f"jets scored: {len(jets.score)}, without score: {jets.n_without_score}"]
    with style.context(mplhep.style.CMS):
        figure = Figure(figsize=(20 if both else 10, 9))
        axes = figure.subplots(1, 2 if both else 1, squeeze=False)
        _draw_scores(axes[0][0], jets)
        if both:
            performance = measure_tagging(jets.score, jets.label)
            _draw_roc(axes[0][1], jets, performance)
            lines += _figures_of_merit(performance)
        write_picture(figure, output, bbox_inches="tight", dpi=80)
    return lines


def _draw_scores(axes: Any, jets: TaggedJets) -> None:
    kinds = {"top": jets.of(LABEL_TOP), "QCD": jets.of(LABEL_QCD)}
    if not any(map(len, kinds.values())):
        kinds = {"unknown": jets.score}
    bins = np.linspace(0, 1, 26)
    for kind, scores in kinds.items():
        counts, _ = np.histogram(scores, bins)
        mplhep.histplot(
            counts / max(1, len(scores)), bins, ax=axes, label=f"{kind} ({len(scores)} jets)",
            color=_COLOURS[kind], histtype="step", linewidth=3,
        )  # fmt: skip
    axes.set(xlabel="Top score", ylabel="Fraction of jets", xlim=(0, 1))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper center")


def _draw_roc(axes: Any, jets: TaggedJets, performance: TaggingPerformance) -> None:
    of_signal, of_background = roc_points(jets.of(LABEL_TOP), jets.of(LABEL_QCD))
    seen = of_background > 0
    area = f"AUC {performance.auc}".replace("+-", "$\\pm$")
    axes.plot(of_signal[seen], 1 / of_background[seen], color=_COLOURS["top"], linewidth=3, label=area)
    grid = np.linspace(0.01, 1, 100)
    axes.plot(grid, 1 / grid, color=_COLOURS["unknown"], linestyle="--", label="guessing")
    axes.set(xlabel="Top efficiency", ylabel="QCD rejection (1 / efficiency)", xlim=(0, 1), yscale="log")
    axes.legend(loc="upper right")


def _figures_of_merit(performance: TaggingPerformance) -> list[str]:
    return [
        f"AUC: {performance.auc} ({performance.n_signal} top, {performance.n_background} QCD jets)",
        f"accuracy at 0.5: {performance.accuracy}",
        f"QCD rejection at 30% top efficiency: {performance.rejection_at_30}",
        f"QCD rejection at 50% top efficiency: {performance.rejection_at_50}",
    ]
