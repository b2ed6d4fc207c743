"""Tests of the picture of several ROC curves."""

import numpy as np
import pytest

from eventproc.errors import FileWriteError
from producers.plots.roc_comparison import COLOURS, draw_roc_curves


@pytest.fixture
def labels():
    return np.repeat([0, 1], 100)


def test_curves_are_drawn_into_a_folder_that_is_made(tmp_path, labels):
    random = np.random.default_rng(1)
    scores = {name: labels * weight + random.normal(size=200) for name, weight in (("a", 1.0), ("b", 3.0))}
    draw_roc_curves(scores, labels, tmp_path / "new" / "roc.png")
    assert (tmp_path / "new" / "roc.png").read_bytes().startswith(b"\x89PNG")


def test_more_taggers_than_colours_are_refused(tmp_path, labels):
    scores = {str(number): labels.astype(float) for number in range(len(COLOURS) + 1)}
    with pytest.raises(ValueError, match="there are 8 colours"):
        draw_roc_curves(scores, labels, tmp_path / "roc.png")


def test_a_picture_that_cannot_be_written_is_told(tmp_path, labels):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileWriteError, match=r"picture '.*/file/roc\.png' cannot be written"):
        draw_roc_curves({"a": labels.astype(float)}, labels, tmp_path / "file" / "roc.png")
