"""Describes the shape of a jet by a few numbers: N-subjettiness, width, fragmentation, masses of subjets.

N-subjettiness (J. Thaler and K. Van Tilburg, JHEP 1103:015): tau_N = sum_i pt_i min_k dR(i, axis k) /
(R sum_i pt_i) over the crystals i of a jet, beta = 1, with the axes of its N exclusive kT jets (E scheme, no
beam), not minimised further.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import wrap_phi
from producers.algorithms.jet_clustering import load_fastjet

FloatArray = npt.NDArray[np.float64]

MAX_SUBJETS: Final = 4
_SUBJETS_WITH_MASSES: Final = 3
_NO_BEAM: Final = 1000.0
"""A kT radius so large that nothing is nearer to the beam (as in fjcontrib's KT_Axes)."""


@dataclass(frozen=True, slots=True)
class Substructure:
    """Shape of one jet.

    Attributes:
        tau: float64, (4,), N-subjettiness for N = 1 to 4; 0 where there are no more crystals than N.
        pair_masses: float64, (3,), GeV, masses of the pairs of its three kT subjets, falling; 0 without them.
        width: mean distance of its ET from the axis.
        pt_d: root of the sum of squared ET over the sum of ET: 1 for one crystal, small for many.
        n_crystals: crystals within the radius.
    """

    tau: FloatArray
    pair_masses: FloatArray
    width: float
    pt_d: float
    n_crystals: int


def measure_substructure(
    et: npt.ArrayLike, eta: npt.ArrayLike, phi: npt.ArrayLike, *, radius: float = 0.8
) -> Substructure:
    """Measures the crystals within a radius of a jet axis at eta = phi = 0.

    Differences of eta and masses do not change when all eta move together, so that crystals relative to the
    axis will do.

    Args:
        et: (n_crystals,), GeV, above 0.
        eta: (n_crystals,), relative to the jet axis.
        phi: (n_crystals,), relative to the jet axis, radians.
        radius: crystals farther away are left out; R of N-subjettiness.

    Returns:
        All numbers; of a jet without crystals all are 0.
    """
    columns = np.stack([np.asarray(column, np.float64) for column in (et, eta, phi)])
    columns[2] = wrap_phi(columns[2])
    crystals = columns[:, np.hypot(columns[1], columns[2]) < radius]
    tau, pair_masses = np.zeros(MAX_SUBJETS), np.zeros(_SUBJETS_WITH_MASSES)
    pt, total = crystals[0], float(crystals[0].sum())
    if total <= 0:
        return Substructure(tau, pair_masses, 0.0, 0.0, 0)
    sequence = _cluster(crystals)
    for n_subjets in range(1, min(MAX_SUBJETS, len(pt) - 1) + 1):
        axes = _axes(sequence.exclusive_jets(n_subjets))
        tau[n_subjets - 1] = pt @ _distance_to_nearest(crystals, axes) / (radius * total)
    if len(pt) >= _SUBJETS_WITH_MASSES:
        pair_masses = _pair_masses(sequence.exclusive_jets(_SUBJETS_WITH_MASSES))
    width = float(pt @ np.hypot(crystals[1], crystals[2]) / total)
    return Substructure(tau, pair_masses, width, float(np.sqrt(pt @ pt) / total), len(pt))


def _cluster(crystals: FloatArray) -> Any:
    fastjet = load_fastjet()
    et, eta, phi = crystals
    momenta = np.stack([et * np.cos(phi), et * np.sin(phi), et * np.sinh(eta), et * np.cosh(eta)])
    particles = list(map(fastjet.PseudoJet, *momenta.tolist()))
    return fastjet.ClusterSequence(particles, fastjet.JetDefinition(fastjet.kt_algorithm, _NO_BEAM))


def _axes(subjets: Any) -> FloatArray:
    return np.array([(jet.rap(), jet.phi_std()) for jet in subjets], np.float64)


def _distance_to_nearest(crystals: FloatArray, axes: FloatArray) -> FloatArray:
    d_eta = crystals[1][:, None] - axes[None, :, 0]
    d_phi = wrap_phi(crystals[2][:, None] - axes[None, :, 1])
    nearest: FloatArray = np.hypot(d_eta, d_phi).min(axis=1)
    return nearest


def _pair_masses(subjets: Any) -> FloatArray:
    masses = [max((first + second).m(), 0.0) for first, second in combinations(subjets, 2)]
    return np.sort(np.array(masses, np.float64))[::-1]
