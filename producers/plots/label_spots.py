"""label_spots: where the labels of jets stand so that they hide as little as possible."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import wrap_phi

WIDTH, HEIGHT = 0.75, 0.22
"""Size of a label in phi and eta, radians, two lines of text in a map of the whole barrel."""

MARGIN = 0.03
"""Between a label and what it must not touch, radians."""


def label_spots(
    jet_eta: npt.ArrayLike,
    jet_phi: npt.ArrayLike,
    radius: float,
    crystals: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    eta_max: float,
) -> list[tuple[float, float]]:
    """Chooses for each jet, one after the other, the best of eight places at its circle.

    Args:
        jet_eta: (n_jets,).
        jet_phi: (n_jets,), radians.
        radius: of the jets.
        crystals: eta, phi in radians and ET in GeV, each (n_crystals,).
        eta_max: the map ends there.

    Returns:
        (phi, eta) of the middle of each label, within the map.
    """
    spots: list[tuple[float, float]] = []
    for eta, phi in zip(np.asarray(jet_eta).tolist(), np.asarray(jet_phi).tolist(), strict=True):
        spots.append(
            min(_places(phi, eta, radius, eta_max), key=lambda place: _hidden(place, crystals, spots))
        )
    return spots


def _places(phi: float, eta: float, radius: float, eta_max: float) -> list[tuple[float, float]]:
    """Outside the circle above and below, then beside these, then inside."""
    outside, inside = radius + HEIGHT / 2 + MARGIN, radius - HEIGHT / 2 - 3 * MARGIN
    near = [(phi, eta + outside), (phi, eta - outside)]
    beside = [(phi + side * radius, eta + up * outside) for up in (1, -1) for side in (1, -1)]
    within = [(phi, eta + inside), (phi, eta - inside)]
    places = [(_clipped(x), y) for x, y in (*near, *beside, *within)]
    kept = [place for place in places if abs(place[1]) <= eta_max - HEIGHT / 2]
    return kept or [(_clipped(phi), 0.0)]


def _clipped(phi: float) -> float:
    limit = np.pi - WIDTH / 2 - MARGIN
    return float(np.clip(phi, -limit, limit))


def _hidden(
    place: tuple[float, float],
    crystals: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    taken: list[tuple[float, float]],
) -> float:
    """ET under a label, GeV; a label under another counts more than any crystal."""
    eta, phi, et = map(np.asarray, crystals)
    apart = np.abs(wrap_phi(phi - place[0]))
    under = (apart < WIDTH / 2 + MARGIN) & (np.abs(eta - place[1]) < HEIGHT / 2 + MARGIN)
    clashes = sum(abs(x - place[0]) < WIDTH and abs(y - place[1]) < HEIGHT + MARGIN for x, y in taken)
    return float(et[under].sum()) + 1e6 * clashes
