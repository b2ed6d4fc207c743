"""The tagger that a network must beat: boosted trees on a jet's mass and substructure."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.substructure import Substructure, measure_substructure
from producers.training.dataset import JetSample

FloatArray = npt.NDArray[np.float64]

VARIABLES: Final = (
    "et", "mass", "tau1", "tau2", "tau3", "tau4", "tau21", "tau32", "tau43",
    "pair_mass_1", "pair_mass_2", "pair_mass_3", "width", "pt_d", "n_crystals",
)  # fmt: skip
"""Columns of ``jet_variables``."""


def jet_variables(sample: JetSample) -> FloatArray:
    """Measures mass and substructure of every jet: float64, (n_jets, 15), columns are VARIABLES."""
    offsets = np.concatenate([[0], np.cumsum(sample.crystal_counts)])
    rows = np.empty((len(sample), len(VARIABLES)))
    for jet in range(len(sample)):
        crystals = slice(offsets[jet], offsets[jet + 1])
        shape = measure_substructure(
            sample.crystal_et[crystals], sample.crystal_eta[crystals], sample.crystal_phi[crystals]
        )
        rows[jet] = (sample.jet_et[jet], sample.jet_mass[jet], *_as_row(shape))
    return rows


def baseline_scores(training: JetSample, test: JetSample) -> FloatArray:
    """Trains boosted trees and scores other jets with them.

    Args:
        training: jets to train on; a tenth of them tells when to stop.
        test: jets to score.

    Returns:
        float64, (n_test_jets,), probability of top.
    """
    # An extra, as torch is, but not needed to train or export a network.
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    trees = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=600, early_stopping=True, n_iter_no_change=30, random_state=1
    )
    trees.fit(jet_variables(training), training.label)
    scores: FloatArray = trees.predict_proba(jet_variables(test))[:, 1]
    return scores


def _as_row(shape: Substructure) -> tuple[Any, ...]:
    tau = shape.tau
    ratios = (_ratio(tau[1], tau[0]), _ratio(tau[2], tau[1]), _ratio(tau[3], tau[2]))
    return (*tau, *ratios, *shape.pair_masses, shape.width, shape.pt_d, shape.n_crystals)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator > 0 else 0.0
