"""Tests of scores that are kept."""

import numpy as np
import pytest

from producers.training.dataset import random_jets
from producers.training.kept_scores import kept_scores
from tests.producers.training.jets import made_up_jets


def test_scores_are_computed_once_for_a_tagger_and_its_jets(tmp_path):
    jets = made_up_jets("top", 6, 1)
    scores = np.linspace(0, 1, len(jets))
    np.testing.assert_array_equal(kept_scores(tmp_path / "scores", b"model", jets, lambda: scores), scores)
    kept = kept_scores(tmp_path / "scores", b"model", jets, lambda: pytest.fail("computed again"))
    np.testing.assert_array_equal(kept, scores)


def test_another_tagger_and_other_jets_are_scored_anew(tmp_path):
    jets = made_up_jets("top", 6, 1)
    fewer = random_jets(jets, len(jets) - 1)
    kept_scores(tmp_path, b"model", jets, lambda: np.zeros(len(jets)))
    np.testing.assert_array_equal(kept_scores(tmp_path, b"other", jets, lambda: np.ones(len(jets))), 1)
    np.testing.assert_array_equal(kept_scores(tmp_path, b"model", fewer, lambda: np.ones(len(fewer))), 1)
