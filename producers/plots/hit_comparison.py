"""Compares the hits of two files, such as recorded and simulated collisions: pictures and a table.

python -m producers.plots.hit_comparison cms2012_ebhits.root simulated.root --output docs/pictures/hits.png
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import mplhep
import numpy as np
import numpy.typing as npt
import typer
from matplotlib import style
from matplotlib.figure import Figure

from eventproc.errors import EventProcError, ProductNotFound
from eventproc.io.reading.opened_file import open_any_layout
from producers.algorithms.ecal_geometry import CRYSTAL_ETA, N_PHI_COLUMNS
from producers.algorithms.hit_statistics import TOWER_CRYSTALS, HitSample
from producers.datatypes import EcalRecHits
from producers.plots.picture import write_picture

THRESHOLDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0)
"""GeV. Rows of the table."""
TIME_RANGES: Final = ((0.25, 0.5), (0.5, 1.0), (1.0, 2.0), (2.0, 5.0), (5.0, 1e3))
"""GeV. Rows of the table of times."""
SELECTED_ENERGY: Final = 0.25
"""GeV. What jets and images are made of."""

_COLOURS: Final = ("#3f90da", "#bd1f01")
_ENERGY_EDGES: Final = np.geomspace(0.1, 400.0, 31)
_TIMED_ENERGY: Final = 1.0
_MIN_EVENTS: Final = 2

Samples = Mapping[str, HitSample]
Axes = Any


def read_hits(path: Path) -> HitSample:
    """Reads the barrel hits of all events of a file, in whichever layout it is.

    Raises:
        FileOpenError: the file is missing or damaged, or no layout recognises it.
        ProductNotFound: it holds no hits, or too few events to tell their spread.
    """
    names = ("rawId", "energy", "time")
    with open_any_layout(str(path)) as file:
        hits = [branch for branch in file.branches if branch.type_name == EcalRecHits.name()]
        if not hits or file.n_entries < _MIN_EVENTS:
            found = f"{file.n_entries} events and {len(hits)} products of hits"
            message = f"{path} cannot be compared: it holds {found}; {_MIN_EVENTS} events with hits would do"
            raise ProductNotFound(message)
        columns = file.read(hits[0], names, 0, file.n_entries)
        raw_id, energy, time = (np.asarray(column.content) for column in columns)
        counts = np.diff(columns[0].offsets).astype(np.int64)
    return HitSample(counts, raw_id, energy, time)


def draw_comparison(samples: Samples, output: Path) -> None:
    """Draws multiplicity, energies, times and where the hits are.

    Args:
        samples: two, by the name to show.
        output: picture to write.

    Raises:
        FileWriteError: the picture cannot be written.
    """
    with style.context([mplhep.style.CMS, {"font.size": 18}]):
        figure = Figure(figsize=(27, 16), layout="constrained")
        axes = figure.subplots(2, 3)
        _draw_multiplicity(axes[0][0], samples)
        _draw_energies(axes[0][1], samples)
        _draw_times(axes[0][2], samples)
        _draw_eta(axes[1][0], samples)
        brightest = max(float(s.tower_occupancy(SELECTED_ENERGY).max()) for s in samples.values())
        for axis, (name, sample) in zip(axes[1][1:], samples.items(), strict=True):
            _draw_map(figure, axis, name, sample, brightest)
        write_picture(figure, output, dpi=50)


def table_lines(samples: Samples) -> Iterator[str]:
    """Yields two tables in Markdown: hits per event above energies, and how wide times are."""
    names = list(samples)
    yield f"| hits an event | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for threshold in THRESHOLDS:
        cells = (str(sample.mean_multiplicity(threshold)) for sample in samples.values())
        yield f"| above {threshold:g} GeV | {' | '.join(cells)} |"
    yield ""
    yield f"| time [ns]: middle 68% | {' | '.join(names)} |"
    yield "|---" * (len(names) + 1) + "|"
    for low, high in TIME_RANGES:
        times = (sample.time_quantiles(low, high) for sample in samples.values())
        label = f"{low:g} to {high:g} GeV" if high < TIME_RANGES[-1][1] else f"above {low:g} GeV"
        yield f"| {label} | {' | '.join(f'{t[0]:.1f} to {t[2]:.1f}' for t in times)} |"


def _draw_multiplicity(axes: Axes, samples: Samples) -> None:
    most = max(int(sample.multiplicities(SELECTED_ENERGY).max()) for sample in samples.values())
    edges = np.linspace(0, most + 1, 26)
    for colour, (name, sample) in zip(_COLOURS, samples.items(), strict=True):
        counts, _ = np.histogram(sample.multiplicities(SELECTED_ENERGY), edges)
        _step(
            axes,
            counts / len(sample),
            edges,
            np.sqrt(counts) / len(sample),
            colour,
            f"{name}: {len(sample)} events",
        )
    axes.set(xlabel=f"Hits above {SELECTED_ENERGY} GeV", ylabel="Fraction of events", xlim=(0, edges[-1]))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper right")


def _draw_energies(axes: Axes, samples: Samples) -> None:
    for colour, (name, sample) in zip(_COLOURS, samples.items(), strict=True):
        mean, error = sample.spectrum(_ENERGY_EDGES)
        _step(axes, mean, _ENERGY_EDGES, error, colour, name)
    axes.axvline(SELECTED_ENERGY, color="black", linestyle=":", linewidth=2)
    axes.set(xlabel="Energy of a hit [GeV]", ylabel="Hits an event", xscale="log", yscale="log")
    axes.legend(loc="upper right")


def _draw_times(axes: Axes, samples: Samples) -> None:
    edges = np.linspace(-75, 75, 76)
    for colour, (name, sample) in zip(_COLOURS, samples.items(), strict=True):
        counts, _ = np.histogram(sample.time[sample.energy > _TIMED_ENERGY], edges)
        share = max(int(counts.sum()), 1)
        _step(axes, counts / share, edges, np.sqrt(counts) / share, colour, name)
    axes.set(xlabel=f"Time of hits above {_TIMED_ENERGY:g} GeV [ns]", ylabel="Fraction of hits", yscale="log")
    axes.legend(loc="upper right")


def _draw_eta(axes: Axes, samples: Samples) -> None:
    edges = _tower_eta_edges()
    for colour, (name, sample) in zip(_COLOURS, samples.items(), strict=True):
        rows = sample.tower_occupancy(SELECTED_ENERGY).sum(axis=1)
        density = rows / rows.sum() / np.diff(edges)
        error = np.sqrt(rows / len(sample)) / rows.sum() / np.diff(edges)
        _step(axes, density, edges, error, colour, name)
    axes.set(xlabel="Pseudorapidity of the crystal", ylabel="Fraction of hits per unit of eta")
    axes.set_ylim(bottom=0)
    axes.legend(loc="lower center")


def _draw_map(figure: Any, axes: Axes, name: str, sample: HitSample, brightest: float) -> None:
    image = axes.imshow(
        sample.tower_occupancy(SELECTED_ENERGY), origin="lower", aspect="auto", interpolation="none",
        extent=(0.5, N_PHI_COLUMNS + 0.5, -85, 85), vmin=0, vmax=brightest, cmap="viridis",
    )  # fmt: skip
    axes.set(xlabel="iphi", ylabel="ieta", title=name)
    figure.colorbar(image, ax=axes, label=f"Hits above {SELECTED_ENERGY} GeV an event and tower")


def _step(
    axes: Axes,
    values: npt.NDArray[np.float64],
    edges: npt.NDArray[np.float64],
    errors: npt.NDArray[np.float64],
    colour: str,
    label: str,
) -> None:
    mplhep.histplot(
        values, edges, yerr=errors, ax=axes, label=label, color=colour, histtype="step", linewidth=3
    )


def _tower_eta_edges() -> npt.NDArray[np.float64]:
    """Pseudorapidities between the rows of towers, float64, (35,)."""
    centre = CRYSTAL_ETA[::N_PHI_COLUMNS]
    middle = 0.5 * (centre[1:] + centre[:-1])
    step = middle[-1] - middle[-2]
    limits = np.concatenate([[middle[0] - step], middle, [middle[-1] + step]])
    edges: npt.NDArray[np.float64] = limits[::TOWER_CRYSTALS]
    return edges


def main(
    first: Annotated[Path, typer.Argument(help="File of hits, in any layout.")],
    second: Annotated[Path, typer.Argument(help="Another one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture to write.")] = Path("hits.png"),
    names: Annotated[tuple[str, str], typer.Option(help="What to call them.")] = ("CMS 2012", "simulation"),
) -> None:
    """Draws the hits of two files over each other and prints how many there are, and when."""
    try:
        samples = {name: read_hits(path) for name, path in zip(names, (first, second), strict=True)}
        draw_comparison(samples, output)
    except EventProcError as error:
        sys.exit(str(error))
    for line in table_lines(samples):
        typer.echo(line)
    typer.echo(f"\npicture: {output}")


if __name__ == "__main__":
    typer.run(main)
