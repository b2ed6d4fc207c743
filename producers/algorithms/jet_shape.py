"""Describes a jet by twelve numbers of its crystals, shares and moments, cheap enough for every event."""

from typing import Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import transverse_energy, wrap_phi

FloatArray = npt.NDArray[np.float64]

RADIUS: Final = 0.8
"""Crystals farther from the axis are left out: R of the jets."""
RING_EDGES: Final = (0.1, 0.2, 0.4)

FEATURES: Final = (
    "log_et", "mass_over_et", "share_0.1", "share_0.2", "share_0.4", "width",
    "major", "minor", "turn_3", "pt_d", "leading_share", "log_crystals",
)  # fmt: skip
"""Columns of `measure_jet_shapes`."""


def shape_specification() -> dict[str, object]:
    """What the numbers are, compared between training and serving; other numbers are another version."""
    return {"version": 1, "kind": "jet_shape", "radius": RADIUS, "features": list(FEATURES)}


def measure_jet_shapes(
    crystals: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
    jets: tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, npt.ArrayLike],
) -> npt.NDArray[np.float32]:
    """Measures all jets of an event.

    Args:
        crystals: energy [GeV], eta and phi of the selected crystals, (n_crystals,) each.
        jets: ET [GeV], eta, phi and mass [GeV], (n_jets,) each.

    Returns:
        float32, (n_jets, 12), columns are FEATURES.
    """
    energy, eta, phi = (np.asarray(column, np.float64) for column in crystals)
    et = transverse_energy(energy, eta)
    axes = zip(*(np.asarray(column, np.float64) for column in jets), strict=True)
    rows = [
        jet_shape(et, eta - jet_eta, wrap_phi(phi - jet_phi), jet_et, jet_mass)
        for jet_et, jet_eta, jet_phi, jet_mass in axes
    ]
    return np.array(rows, np.float32).reshape(-1, len(FEATURES))


def jet_shape(
    et: FloatArray, d_eta: FloatArray, d_phi: FloatArray, jet_et: float, jet_mass: float
) -> FloatArray:
    """Measures one jet.

    Args:
        et: float64, (n_crystals,), GeV.
        d_eta: float64, (n_crystals,), eta minus the axis's.
        d_phi: float64, (n_crystals,), phi minus the axis's, radians, wrapped.
        jet_et: GeV, above 0.
        jet_mass: GeV.

    Returns:
        float64, (12,), as FEATURES; of a jet without crystals all but the first two are 0.
    """
    distance = np.hypot(d_eta, d_phi)
    inside = distance < RADIUS
    share = et[inside] / max(float(et[inside].sum()), 1e-9)
    x, y, r = d_eta[inside], d_phi[inside], distance[inside]
    rings = [share[r < edge].sum() for edge in RING_EDGES]
    major, minor = _axes(share, x, y)
    fractions = (np.sqrt(share @ share), share.max(initial=0.0), np.log1p(len(share)))
    scale = (np.log(jet_et), jet_mass / jet_et)
    return np.array([*scale, *rings, share @ r, major, minor, _three_prongs(share, x, y, r), *fractions])


def _axes(share: FloatArray, x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Roots of the larger and the smaller eigenvalue of the second moments about the axis."""
    xx, yy, xy = share @ (x * x), share @ (y * y), share @ (x * y)
    half, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    return float(np.sqrt(half + spread)), float(np.sqrt(max(float(half - spread), 0.0)))


def _three_prongs(share: FloatArray, x: FloatArray, y: FloatArray, r: FloatArray) -> float:
    """Third angular moment, weighted by distance: 1 for three equal prongs at 120 degrees, 0 for a ring."""
    weight = share * r
    angle = 3 * np.arctan2(y, x)
    length = np.hypot(weight @ np.cos(angle), weight @ np.sin(angle))
    return float(length / max(weight.sum(), 1e-9))
