"""Tests of the figures of merit."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from producers.algorithms.tagging_metrics import (
    Measured,
    area_difference,
    area_under_curve,
    background_rejection,
    measure_tagging,
)


def test_perfect_scores_are_perfect():
    measured = measure_tagging([0.9, 0.8, 0.1, 0.2], [1, 1, 0, 0])
    assert measured.auc.value == 1.0
    assert measured.accuracy.value == 1.0
    assert measured.rejection_at_50.value == math.inf


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), min_size=2, max_size=60))
def test_the_area_agrees_with_scikit_learn_ties_included(jets):
    scores, labels = np.array([s for s, _ in jets], float), np.array([label for _, label in jets], int)
    if 0 < labels.sum() < len(labels):
        area = area_under_curve(scores[labels == 1], scores[labels == 0])
        assert area.value == pytest.approx(roc_auc_score(labels, scores))


@pytest.mark.parametrize(("n_signal", "n_background"), [(300, 300), (2000, 100), (100, 2000)])
def test_the_error_of_the_area_is_its_spread_over_samples(n_signal, n_background):
    """Exponential scores, for which the formula is exact."""
    random = np.random.default_rng(5)
    areas = [
        area_under_curve(random.exponential(3, n_signal), random.exponential(1, n_background))
        for _ in range(400)
    ]
    spread = np.std([area.value for area in areas])
    assert np.mean([area.error for area in areas]) == pytest.approx(spread, rel=0.15)


def test_rejection_is_one_over_what_passes():
    signal, background = np.linspace(0, 1, 101), np.linspace(-1, 1, 2001)
    rejection = background_rejection(signal, background, 0.5)
    assert rejection.value == pytest.approx(4.0, rel=0.01)
    assert rejection.error == pytest.approx(4.0 * math.sqrt(0.75 / 500), rel=0.01)


def test_background_at_the_cut_passes_as_signal_does():
    rejection = background_rejection(np.ones(10), np.array([1.0] + [0.0] * 9), 0.5)
    assert rejection.value == 10.0


def test_other_labels_are_left_out():
    assert measure_tagging([0.9, 0.1, 0.0], [1, 0, -1]).n_background == 1


@pytest.mark.parametrize(("scores", "labels"), [([0.5], [1]), ([], []), ([0.5, np.nan], [1, 0])])
def test_what_cannot_be_measured_is_refused(scores, labels):
    with pytest.raises(ValueError, match="cannot measure tagging"):
        measure_tagging(scores, labels)


def test_a_figure_is_written_as_its_error_deserves():
    assert str(Measured(0.93412, 0.0031)) == "0.9341 +- 0.0031"
    assert str(Measured(123.4, 11.0)) == "123 +- 11"
    assert str(Measured(math.inf, math.inf)) == "inf"


def test_a_difference_of_areas_knows_that_the_jets_are_the_same():
    random = np.random.default_rng(3)
    labels = np.repeat([1, 0, -1], [300, 300, 50])
    common = (labels == 1) * 1.5 + random.normal(size=650)
    slightly_worse = common + 0.1 * random.normal(size=650)
    same = area_difference(common, 2 * common + 1, labels)
    assert (same.value, same.error) == (0.0, 0.0)
    close = area_difference(common, slightly_worse, labels)
    alone = measure_tagging(common, labels).auc
    assert close.value == pytest.approx(alone.value - measure_tagging(slightly_worse, labels).auc.value)
    assert 0 < close.error < 0.5 * alone.error
    far = area_difference(common, random.normal(size=650), labels)
    assert far.value > 5 * far.error
