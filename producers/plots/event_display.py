"""Draws an event: crystals in phi and eta, jets as circles, and the image of each leading jet."""

# ruff: noqa: RUF001 - minus and times signs, as they are set in a figure

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.collections import PolyCollection
from matplotlib.colors import LinearSegmentedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from producers.algorithms.ecal_geometry import CRYSTAL_WIDTH, transverse_energy
from producers.plots.event_labels import (
    event_title,
    inference_text,
    jet_rows,
    jets_text,
    score_text,
    truth_text,
)
from producers.plots.label_spots import label_spots
from producers.plots.picture import write_picture
from producers.plots.shown_event import ShownEvent

JET_COLOURS = ("#bd1f01", "#3f90da", "#832db6", "#e76300", "#a96b59", "#94a4a2", "#b9ac70")
"""By falling ET; M. Petroff, arXiv:2107.02270."""

BARREL_ETA = 1.479
"""Where the crystals of the barrel end (CMS, JINST 3 S08004, section 4)."""

IMAGES = 3
"""Jets that get an image in a picture; the page shows all."""

SHOWN_WIDTH = 1.5 * CRYSTAL_WIDTH
"""Crystals are drawn wider than they are, or one alone would be hard to see."""

ET_RANGE = (0.2, 100.0)
"""GeV, from the threshold of the selection to the hardest crystals; the same for all events."""

SHARE_RANGE = (5e-4, 0.3)
"""Of a jet's ET in one pixel; the same for all jets."""

_INK, _GREY, _GROUND = "#1b1f24", "#57606a", "#f6f8fa"
_WIDTH_IN, _LEFT_IN, _MAP_IN, _BAR_IN = 15.0, 0.8, 12.9, 0.22
_IMAGE_IN, _GAP_IN, _TOP_IN, _BETWEEN_IN, _BOTTOM_IN = 4.2, 0.35, 0.95, 1.45, 0.7


def draw_event(event: ShownEvent, output: Path) -> None:
    """Draws an event into a picture.

    Args:
        event: what to draw.
        output: the picture; its ending says the format, .png, .pdf or .svg.

    Raises:
        FileWriteError: the picture cannot be written.
    """
    with mpl.rc_context({"font.family": "DejaVu Sans", "font.size": 11, "text.color": _INK}):
        write_picture(_draw(event), output, dpi=130, facecolor="white")


def _draw(event: ShownEvent) -> Figure:
    """The figure; all its parts lie at places given in inches, so that squares are square."""
    map_height = _MAP_IN * BARREL_ETA / np.pi
    images_height = _IMAGE_IN + _BETWEEN_IN if len(event.jets) else 0.0
    height = _BOTTOM_IN + images_height + map_height + _TOP_IN
    figure = Figure(figsize=(_WIDTH_IN, height))

    def place(left: float, bottom: float, wide: float, high: float) -> Any:
        return figure.add_axes((left / _WIDTH_IN, bottom / height, wide / _WIDTH_IN, high / height))

    base = _BOTTOM_IN + images_height
    bar = place(_LEFT_IN + _MAP_IN + 0.2, base, _BAR_IN, map_height)
    _draw_map(place(_LEFT_IN, base, _MAP_IN, map_height), bar, event)
    n_images = min(IMAGES, len(event.jets))
    cells = [_LEFT_IN + column * (_IMAGE_IN + _GAP_IN) for column in range(IMAGES)]
    for jet in range(n_images):
        _draw_image(place(cells[jet], _BOTTOM_IN, _IMAGE_IN, _IMAGE_IN), event, jet)
    if 0 < n_images < IMAGES:
        _write_jets(place(cells[n_images], _BOTTOM_IN, _IMAGE_IN, _IMAGE_IN), event)
    return figure


def _draw_map(axes: Any, bar_axes: Any, event: ShownEvent) -> None:
    axes.set(
        xlim=(-np.pi, np.pi), ylim=(-BARREL_ETA, BARREL_ETA), facecolor=_GROUND,
        xlabel="azimuth φ", ylabel="pseudorapidity η",
    )  # fmt: skip
    axes.set_xticks(np.linspace(-np.pi, np.pi, 5), ["−π", "−π/2", "0", "π/2", "π"])
    axes.set_axisbelow(True)
    axes.grid(color="white", linewidth=1.4)
    _unframe(axes)
    bar = axes.figure.colorbar(_draw_crystals(axes, event), cax=bar_axes)
    bar.set_label("crystal $E_T$ [GeV]")
    bar.outline.set_visible(False)
    for jet, spot in enumerate(jet_label_spots(event)):
        _draw_jet(axes, event, jet, spot)
    _draw_partons(axes, event)
    said = [f"{len(event.crystals)} crystals", jets_text(event), inference_text(event)]
    axes.text(0, 1.065, event_title(event), transform=axes.transAxes, fontsize=17, fontweight="bold")
    axes.text(0, 1.02, " · ".join(filter(None, said)), transform=axes.transAxes, color=_GREY)


def _draw_crystals(axes: Any, event: ShownEvent) -> Any:
    et = transverse_energy(event.crystals.energy, event.crystals.eta)
    order = np.argsort(et)  # the hardest on top
    half = SHOWN_WIDTH / 2
    corners = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    centres = np.column_stack([event.crystals.phi[order], event.crystals.eta[order]])
    squares = PolyCollection(
        centres[:, np.newaxis, :] + corners, array=et[order], cmap=_colour_map(), norm=LogNorm(*ET_RANGE),
        linewidths=0,
    )  # fmt: skip
    axes.add_collection(squares)
    return squares


def _draw_jet(axes: Any, event: ShownEvent, jet: int, spot: tuple[float, float]) -> None:
    phi, eta, colour = float(event.jets.phi[jet]), float(event.jets.eta[jet]), jet_colour(jet)
    for turn in (-2 * np.pi, 0.0, 2 * np.pi):  # a jet at the seam is seen on both sides
        axes.add_patch(Circle((phi + turn, eta), event.radius, fill=False, edgecolor=colour, linewidth=2))
    axes.text(
        *spot, f"jet {jet + 1}: {event.jets.pt[jet]:.0f} GeV\n{score_text(event, jet)}",
        color=colour, fontweight="bold", ha="center", va="center",
        bbox={"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none", "alpha": 0.85},
    )  # fmt: skip


def _draw_partons(axes: Any, event: ShownEvent) -> None:
    if event.partons is None or not len(event.partons):
        return
    axes.plot(
        event.partons.phi, event.partons.eta, linestyle="none", marker="+", markersize=15,
        markeredgewidth=2, color=_INK, label="hard parton",
    )  # fmt: skip
    axes.legend(loc="upper right", framealpha=0.85, edgecolor="none")


def _draw_image(axes: Any, event: ShownEvent, jet: int) -> None:
    window, colour, truth = event.specification.window, jet_colour(jet), truth_text(event, jet)
    axes.imshow(
        np.ma.masked_less_equal(_dense(event, jet), 0), origin="lower", interpolation="nearest",
        extent=(-window, window, -window, window), cmap=_colour_map(), norm=LogNorm(*_image_range(event)),
    )  # fmt: skip
    axes.add_patch(Circle((0, 0), event.radius, fill=False, edgecolor=colour, linewidth=1.2))
    axes.set(facecolor=_GROUND, xlabel="φ − φ(jet)", ylabel="η − η(jet)" if jet == 0 else "")
    ticks = [-window / 2, 0, window / 2]
    axes.set_xticks(ticks)
    axes.set_yticks(ticks, None if jet == 0 else [""] * len(ticks))
    _unframe(axes)
    what = f"jet {jet + 1}: {score_text(event, jet)}" + (f", truly {truth}" if truth else "")
    axes.set_title(what, color=colour, fontweight="bold", loc="left")
    pixels = event.specification.pixels
    note = f"{pixels} × {pixels} pixels, {int(event.images.counts[jet])} lit"
    axes.text(0.03, 0.03, note, transform=axes.transAxes, color=_GREY, fontsize=10)


def _write_jets(axes: Any, event: ShownEvent) -> None:
    axes.set_axis_off()
    y = 0.94
    for jet, rows in enumerate(jet_rows(event)):
        axes.text(0.08, y, f"jet {jet + 1}", color=jet_colour(jet), fontweight="bold")
        for name, value in rows.items():
            y -= 0.06
            axes.text(0.08, y, name, color=_GREY)
            axes.text(0.45, y, value)
        y -= 0.09


def _dense(event: ShownEvent, jet: int) -> npt.NDArray[np.float32]:
    image: npt.NDArray[np.float32] = event.images.dense(event.specification.pixels)[jet]
    return image


def _image_range(event: ShownEvent) -> tuple[float, float]:
    return SHARE_RANGE if event.specification.normalisation == "jet_et" else ET_RANGE


def _colour_map() -> LinearSegmentedColormap:
    """From orange to dark blue: plasma without its yellow, which is lost on a light ground."""
    plasma = mpl.colormaps["plasma_r"]
    return LinearSegmentedColormap.from_list("crystals", plasma(np.linspace(0.16, 1, 128)))


def jet_label_spots(event: ShownEvent) -> list[tuple[float, float]]:
    """Where the labels of the jets stand in the map: phi and eta of their middles."""
    crystals = event.crystals
    et = transverse_energy(crystals.energy, crystals.eta)
    return label_spots(
        event.jets.eta, event.jets.phi, event.radius, (crystals.eta, crystals.phi, et), BARREL_ETA
    )


def jet_colour(jet: int) -> str:
    """The colour of a jet."""
    return JET_COLOURS[jet % len(JET_COLOURS)]


def _unframe(axes: Any) -> None:
    axes.tick_params(length=0, labelcolor=_GREY)
    for spine in axes.spines.values():
        spine.set_visible(False)
