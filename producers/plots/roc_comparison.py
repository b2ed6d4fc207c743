"""Draws the ROC curves of several taggers on the same jets over each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import mplhep
import numpy as np
import numpy.typing as npt
from matplotlib import style
from matplotlib.figure import Figure

from producers.algorithms.roc import roc_points
from producers.algorithms.tagging_metrics import area_under_curve
from producers.plots.picture import write_picture

COLOURS: Final = ("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#717581")
"""Of M. Petroff (arXiv:2107.02270), which CMS recommends."""


def draw_roc_curves(
    scores: Mapping[str, npt.NDArray[np.float64]], labels: npt.NDArray[np.int64], output: Path
) -> None:
    """Draws background rejection against signal efficiency.

    Args:
        scores: float64, (n_jets,) each, by the name of the tagger.
        labels: int64, (n_jets,), 1 for signal, 0 for background.
        output: picture to write.

    Raises:
        FileWriteError: it cannot be written.
        ValueError: there are more taggers than colours.
    """
    if len(scores) > len(COLOURS):
        message = f"cannot draw {len(scores)} taggers in one picture: there are {len(COLOURS)} colours"
        raise ValueError(message)
    with style.context([mplhep.style.CMS, {"font.size": 20}]):
        figure = Figure(figsize=(12, 10), layout="constrained")
        axes = figure.subplots()
        for colour, (name, values) in zip(COLOURS, scores.items(), strict=False):
            signal, background = values[labels == 1], values[labels == 0]
            of_signal, of_background = roc_points(signal, background)
            # Rejections measured on fewer than four background jets say little.
            seen = of_background * len(background) >= 4
            area = str(area_under_curve(signal, background)).replace("+-", "$\\pm$")
            label = f"{name}: {area}"
            axes.plot(of_signal[seen], 1 / of_background[seen], color=colour, linewidth=3, label=label)
        axes.set(xlabel="Top efficiency", ylabel="QCD rejection (1 / efficiency)", xlim=(0, 1), yscale="log")
        axes.legend(loc="upper right", title="AUC", fontsize=18)
        write_picture(figure, output, dpi=60)
