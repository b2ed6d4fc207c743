"""Pairs jets with partons, or with other jets, by their distance in eta and phi."""

from typing import Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import wrap_phi

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

TOP_QUARK: Final = 6
LABEL_UNMATCHED: Final = -1
LABEL_QCD: Final = 0
LABEL_TOP: Final = 1


def match_nearest(
    eta: npt.ArrayLike,
    phi: npt.ArrayLike,
    other_eta: npt.ArrayLike,
    other_phi: npt.ArrayLike,
    delta_r_max: float,
) -> tuple[IntArray, FloatArray]:
    """Finds for each direction the nearest one of others, delta R = sqrt(delta eta^2 + delta phi^2).

    Two directions may find the same other. Of two at the same distance the first is taken.

    Args:
        eta: (n,).
        phi: (n,), radians.
        other_eta: (m,).
        other_phi: (m,), radians.
        delta_r_max: Others at this distance or farther are not matched.

    Returns:
        int64, (n,), index of the nearest other, or -1; and float64, (n,), its distance, or infinity.
    """
    d_eta = np.asarray(eta, np.float64)[:, None] - np.asarray(other_eta, np.float64)[None, :]
    d_phi = wrap_phi(np.asarray(phi, np.float64)[:, None] - np.asarray(other_phi, np.float64)[None, :])
    distance = np.hypot(d_eta, d_phi)
    # A direction that is not a number is far from everything.
    distance[~(distance < delta_r_max)] = np.inf
    if distance.shape[1] == 0:
        return np.full(len(distance), -1, np.int64), np.full(len(distance), np.inf)
    nearest = distance.argmin(axis=1)
    least = distance[np.arange(len(distance)), nearest]
    return np.where(np.isfinite(least), nearest, -1), least


def label_jets(
    jet_eta: npt.ArrayLike,
    jet_phi: npt.ArrayLike,
    parton_pdg_id: npt.ArrayLike,
    parton_eta: npt.ArrayLike,
    parton_phi: npt.ArrayLike,
    delta_r_max: float = 0.8,
) -> IntArray:
    """Says what each jet truly is.

    Args:
        jet_eta: (n_jets,).
        jet_phi: (n_jets,), radians.
        parton_pdg_id: int, (n_partons,), hard partons.
        parton_eta: (n_partons,).
        parton_phi: (n_partons,), radians.
        delta_r_max: A parton belongs to a jet if it is nearer than this; the jet radius.

    Returns:
        int64, (n_jets,): 1 where the nearest parton is a top quark, 0 where it is another, -1 without one.
    """
    nearest, _ = match_nearest(jet_eta, jet_phi, parton_eta, parton_phi, delta_r_max)
    is_top = np.abs(np.append(np.asarray(parton_pdg_id, np.int64), 0)) == TOP_QUARK
    return np.where(nearest < 0, LABEL_UNMATCHED, np.where(is_top[nearest], LABEL_TOP, LABEL_QCD))
