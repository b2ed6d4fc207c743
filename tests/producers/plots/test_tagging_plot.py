"""The picture of scores and ROC curve, and the figures printed beside it."""

import awkward as ak
import numpy as np
import pytest
import uproot

from eventproc.errors import FileOpenError, FileReadError, FileWriteError
from producers.plots.tagging_plot import draw_tagging, read_tagged_jets


def tagged_file(path, scores, labels, score_name="topTags"):
    with uproot.recreate(path) as file:
        tree = file.mktree(
            "Events", {score_name: "var * {score: float32}", "jetTruth": "var * {label: int8}"}
        )
        if len(scores):
            tree.extend(
                {
                    score_name: ak.zip({"score": ak.values_astype(ak.Array(scores), "float32")}),
                    "jetTruth": ak.zip({"label": ak.values_astype(ak.Array(labels), "int8")}),
                }
            )
    return path


def read(*paths):
    return read_tagged_jets(paths, "topTags", "jetTruth")


def test_jets_of_all_files_are_read_and_those_without_score_counted(tmp_path):
    one = tagged_file(tmp_path / "1.root", [[0.9, np.nan], []], [[1, 1], []])
    two = tagged_file(tmp_path / "2.root", [[0.1]], [[0]])
    jets = read(one, two)
    assert jets.score.tolist() == pytest.approx([0.9, 0.1])
    assert jets.label.tolist() == [1, 0]
    assert jets.n_without_score == 1


def test_both_kinds_give_a_roc_curve_and_its_figures(tmp_path):
    jets = read(tagged_file(tmp_path / "a.root", [[0.9, 0.8, 0.3, 0.1]], [[1, 1, 0, 0]]))
    lines = draw_tagging(jets, tmp_path / "new" / "a.png")
    assert any(line.startswith("AUC: 1") for line in lines)
    assert (tmp_path / "new" / "a.png").stat().st_size > 1000


def test_collision_data_give_scores_without_truth(tmp_path):
    jets = read(tagged_file(tmp_path / "a.root", [[0.9, 0.8]], [[-1, -1]]))
    assert draw_tagging(jets, tmp_path / "a.pdf") == ["jets scored: 2, without score: 0"]


def test_no_jets_at_all_give_an_empty_picture(tmp_path):
    jets = read(tagged_file(tmp_path / "a.root", [], []))
    assert draw_tagging(jets, tmp_path / "a.png") == ["jets scored: 0, without score: 0"]


def test_a_file_without_scores_says_what_it_holds(tmp_path):
    path = tagged_file(tmp_path / "a.root", [[0.5]], [[0]], score_name="wTags")
    with pytest.raises(FileReadError, match=r"no branch topTags_score.*wTags_score"):
        read(path)


def test_a_file_that_is_not_there_is_an_error(tmp_path):
    tagged_file(tmp_path / "b.root", [[0.5]], [[0]])
    with pytest.raises(FileOpenError, match=r"a\.root': it does not exist: did you mean 'b\.root'\?"):
        read(tmp_path / "a.root")


def test_a_picture_of_an_unknown_kind_is_an_error(tmp_path):
    jets = read(tagged_file(tmp_path / "a.root", [[0.5]], [[0]]))
    with pytest.raises(FileWriteError, match=r"a\.docx"):
        draw_tagging(jets, tmp_path / "a.docx")
