"""How fast jet images are drawn, against numpy.histogram2d and against filling the same memory.

Events of 350 crystals around two jets, as the flagship job sees them. The kernel draws the sparse image that
the job makes; histogram2d makes a dense one of 224 x 224 pixels in float64, and the fill as many zeros.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from figures import Figure, print_figures
from producers.algorithms.ecal_geometry import CRYSTAL_ETA, CRYSTAL_PHI, N_PHI_COLUMNS, wrap_phi
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_image import draw_jet_images

CRYSTALS, JETS = 350, 2
SPECIFICATION = ImageSpecification()


def make_events(n_events: int) -> list[tuple[np.ndarray, ...]]:
    random = np.random.default_rng(1)
    events = []
    for _ in range(n_events):
        eta, phi = random.uniform(-0.8, 0.8, JETS), random.uniform(-np.pi, np.pi, JETS)
        row = (85 + np.degrees(random.normal(np.repeat(eta, CRYSTALS // JETS), 0.3))).astype(int)
        column = np.degrees(random.normal(np.repeat(phi, CRYSTALS // JETS), 0.3)).astype(int)
        crystal = np.clip(row, 0, 169) * N_PHI_COLUMNS + column % N_PHI_COLUMNS
        energy = random.exponential(2.0, CRYSTALS) + 0.3
        axis_phi = wrap_phi(phi + CRYSTAL_PHI[0])
        events.append(
            (
                energy,
                CRYSTAL_ETA[crystal],
                CRYSTAL_PHI[crystal],
                random.uniform(200, 500, JETS),
                eta,
                axis_phi,
            )
        )
    return events


def by_histogram(energy: np.ndarray, eta: np.ndarray, phi: np.ndarray, *jets: np.ndarray) -> np.ndarray:
    limits = (-SPECIFICATION.window, SPECIFICATION.window)
    et = energy / np.cosh(eta)
    images = [
        np.histogram2d(
            eta - jet_eta,
            wrap_phi(phi - jet_phi),
            SPECIFICATION.pixels,
            (limits, limits),
            weights=et / jet_et,
        )[0]
        for jet_et, jet_eta, jet_phi in zip(*jets, strict=True)
    ]
    return np.stack(images)


def filled(*_event: np.ndarray) -> np.ndarray:
    return np.full((JETS, SPECIFICATION.pixels, SPECIFICATION.pixels), 0.0)


def images_per_second(
    draw: Callable[..., object], events: list[tuple[np.ndarray, ...]], rounds: int
) -> float:
    """Images per second of computing, in the best of several rounds."""
    best = 0.0
    for _ in range(rounds):
        began = time.process_time()
        for event in events:
            draw(*event)
        best = max(best, JETS * len(events) / (time.process_time() - began))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few seconds, with fewer events")
    n_events, rounds = (100, 3) if parser.parse_args().quick else (500, 5)
    events = make_events(n_events)
    area = replace(SPECIFICATION, pixel_rule="area")
    ways: dict[str, Callable[..., object]] = {
        "nearest": lambda *event: draw_jet_images(SPECIFICATION, *event),
        "nearest, dense": lambda *event: draw_jet_images(SPECIFICATION, *event).dense(SPECIFICATION.pixels),
        "area": lambda *event: draw_jet_images(area, *event),
        "numpy.histogram2d": by_histogram,
        "filling with zeros": filled,
    }
    for energy, eta, phi, *jets in events[:5]:
        drawn = draw_jet_images(SPECIFICATION, energy, eta, phi, *jets).dense(SPECIFICATION.pixels)
        counted = by_histogram(energy, eta, phi, *jets)
        if not np.allclose(drawn.sum(axis=(1, 2)), counted.sum(axis=(1, 2)), rtol=1e-4):
            raise SystemExit("the two ways do not draw the same image")
    rates = {name: images_per_second(draw, events, rounds) for name, draw in ways.items()}
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} images/s of one core")
    print_figures(
        Figure("image_kernel_over_histogram2d", rates["nearest"] / rates["numpy.histogram2d"], 5),
        Figure("area_image_kernel_over_histogram2d", rates["area"] / rates["numpy.histogram2d"], 2),
        Figure("image_kernel_over_memory_fill", rates["nearest"] / rates["filling with zeros"], 0.25),
    )


if __name__ == "__main__":
    main()
