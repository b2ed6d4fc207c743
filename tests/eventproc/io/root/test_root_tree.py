import awkward as ak
import numpy as np
import pytest
import uproot

from eventproc.errors import FileReadError, ProductNotFound
from eventproc.io.root.root_file import RootFile


@pytest.fixture
def path(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        hits = ak.zip({"e": [[1.5, 2.5], [], [3.5]], "id": [[1, 2], [], [3]]})
        tree = file.mktree("T", {"n": "int32", "hit": hits.type.content, "word": "string"})
        for _ in range(2):
            tree.extend({"n": np.arange(3, dtype=np.int32), "hit": hits, "word": ["a", "b", "c"]})
    return tmp_path / "a.root"


@pytest.fixture
def tree(path):
    with RootFile(str(path)) as file:
        yield file.tree("T")


def test_a_list_branch_comes_flat_with_offsets(tree):
    column = tree.read("hit_e", 0, 6)
    assert column.offsets.tolist() == [0, 2, 2, 3, 5, 5, 6]
    assert column.content.tolist() == [1.5, 2.5, 3.5] * 2


def test_offsets_begin_at_zero_wherever_reading_begins(tree):
    column = tree.read("hit_id", 2, 5)
    assert column.offsets.tolist() == [0, 1, 3, 3]
    assert column.content.tolist() == [3, 1, 2]


def test_a_branch_of_one_number_has_one_row_per_entry(tree):
    column = tree.read("n", 1, 4)
    assert column.offsets.tolist() == [0, 1, 2, 3]
    assert column.content.tolist() == [1, 2, 0]


def test_columns_of_an_axis_share_their_offsets(tree):
    columns = tree.read_axis(["hit_e", "hit_id"], 0, 6)
    assert columns["hit_e"].offsets is columns["hit_id"].offsets


def test_columns_of_different_lengths_are_no_axis(tree):
    with pytest.raises(FileReadError, match=r"'hit_e' and 'n' .* disagree"):
        tree.read_axis(["hit_e", "n"], 0, 6)


def test_clusters_begin_where_baskets_of_all_branches_begin(tree):
    assert tree.cluster_limits(["hit_e", "n"]) == [0, 3, 6]
    assert tree.cluster_limits([]) == [0, 6]


def test_a_missing_branch_is_refused_with_the_nearest_name(tree, path):
    with pytest.raises(ProductNotFound, match="no branch 'hits_e'; did you mean 'hit_e'") as error:
        tree.require("n", "hits_e", jagged=False)
    assert str(path) in str(error.value)


@pytest.mark.parametrize(
    ("name", "jagged", "wanted"),
    [
        ("n", True, "a list of numbers"),
        ("hit_e", False, "one number"),
        ("word", False, "one number"),
        ("word", True, "a list"),
    ],
)
def test_a_branch_of_another_kind_is_refused(tree, name, jagged, wanted):
    with pytest.raises(ProductNotFound, match=f"branch '{name}' .* it must be {wanted}"):
        tree.require(name, jagged=jagged)


def test_a_damaged_basket_is_a_read_error_that_names_branch_and_entries(path):
    with uproot.open(path) as file:
        key = file["T/hit_e"].basket_key(1)
        begin = key.data_cursor.index
    content = bytearray(path.read_bytes())
    content[begin - 8 : begin + 20] = b"\xff" * 28
    path.write_bytes(content)
    with RootFile(str(path)) as file:
        tree = file.tree("T")
        assert len(tree.read("hit_e", 0, 3).content) == 3
        with pytest.raises(FileReadError, match="branch 'hit_e', entries 2 to 5") as error:
            tree.read("hit_e", 2, 6)
    assert str(path) in str(error.value)
