"""Tests of pairing jets with partons and jets."""

import numpy as np
import pytest

from producers.algorithms.jet_matching import label_jets, match_nearest


def test_the_nearest_within_reach_is_matched():
    index, distance = match_nearest([0.0, 1.0], [0.0, 1.0], [0.3, 0.1, 5.0], [0.0, 0.1, 5.0], 0.8)
    assert index.tolist() == [1, -1]
    assert distance[0] == pytest.approx(np.hypot(0.1, 0.1))
    assert distance[1] == np.inf


def test_the_distance_goes_the_short_way_around():
    index, distance = match_nearest([0.0], [3.1], [0.0], [-3.1], 0.8)
    assert index.tolist() == [0]
    assert distance[0] == pytest.approx(2 * np.pi - 6.2)


def test_reach_is_not_matched_itself():
    assert match_nearest([0.0], [0.0], [0.5], [0.0], 0.5)[0].tolist() == [-1]


@pytest.mark.parametrize(("n", "m"), [(0, 0), (0, 3), (3, 0)])
def test_nothing_matches_nothing(n, m):
    index, distance = match_nearest(np.zeros(n), np.zeros(n), np.zeros(m), np.zeros(m), 1.0)
    assert index.tolist() == [-1 if m == 0 else 0] * n
    assert len(distance) == n


def test_a_direction_that_is_no_number_is_far_from_everything():
    assert match_nearest([np.nan, 0.0], [0.0, 0.0], [0.0, np.nan], [0.0, 0.0], 1.0)[0].tolist() == [-1, 0]


def test_labels_follow_the_nearest_parton():
    labels = label_jets([0.0, 1.0, -1.0], [0.0, 1.0, -3.0], [6, -6, 21], [0.1, 1.1, 0.5], [0.0, 1.0, 0.0])
    assert labels.tolist() == [1, 1, -1]
    assert label_jets([0.4], [0.0], [-6, 21], [0.0, 0.5], [0.0, 0.0]).tolist() == [0]
    assert label_jets([0.4], [0.0], [], [], []).tolist() == [-1]
