import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.algorithms.roc import roc_points
from producers.algorithms.tagging_metrics import area_under_curve

SCORES = st.lists(st.integers(0, 5).map(lambda n: n / 5), min_size=1, max_size=30)


def test_perfect_scores_keep_all_signal_before_any_background():
    signal, background = roc_points([0.8, 0.9], [0.1, 0.2])
    assert list(zip(signal, background, strict=True)) == [(0, 0), (0.5, 0), (1, 0), (1, 0.5), (1, 1)]


@given(SCORES, SCORES)
def test_the_area_under_the_curve_is_the_chance_that_signal_scores_higher(signal, background):
    of_signal, of_background = roc_points(signal, background)
    area = area_under_curve(np.array(signal), np.array(background)).value
    assert np.trapezoid(of_signal, of_background) == pytest.approx(area)
