from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pytest
import uproot

from eventproc.errors import FileOpenError, MismatchedInputFiles
from eventproc.io.format.level_tree import LevelRows, read_level
from eventproc.io.inspection.column_difference import Tolerance
from eventproc.io.inspection.level_difference import level_differences
from eventproc.io.reading.input_levels import InputLevels
from eventproc.io.root.root_file import RootFile
from eventproc.model.branch import BranchDescription
from eventproc.model.product import Product, column
from eventproc.model.product_merging import same
from eventproc.model.transition import BranchType


@dataclass(frozen=True, slots=True)
class Mixed(Product):
    n: Any = column(np.int64, axis=None)
    pt: Any = column(np.float32)
    word: Any = column(str)
    pixel: Any = column(np.uint16, axis="pixel")


def mixed(n):
    pt = np.arange(n, dtype=np.float32)
    return Mixed(np.array([n]), pt, tuple(f"w{i % 2}" for i in range(n)), np.arange(2 * n, dtype=np.uint16))


def branch(process="P", merging="equal", kind=BranchType.InLumi):
    return BranchDescription("Mixed", "m", "", process, Mixed.schema(), "{}", kind, merging)


def write(path, rows):
    with uproot.recreate(path) as file:
        return rows.write(file)


def lumis(*entries, of=None):
    rows = LevelRows(BranchType.InLumi, [of or branch()])
    for key, product in entries:
        rows.add(key, [product])
    return rows


def read(path, stored):
    with RootFile(str(path)) as file:
        return read_level(file, BranchType.InLumi, stored)


@pytest.mark.parametrize("sizes", [(), (0,), (3, 0, 2)])
def test_what_is_written_is_read_back_in_the_order_of_ids(tmp_path, sizes):
    rows = lumis(*(((1, 9 - place), mixed(n)) for place, n in enumerate(sizes)))
    stored = write(tmp_path / "a.root", rows)
    assert stored.entries == len(sizes)
    (found,) = read(tmp_path / "a.root", stored).values()
    assert list(found) == sorted(found)
    assert all(same(found[1, 9 - place], mixed(n)) for place, n in enumerate(sizes))


def test_a_product_that_a_luminosity_block_lacks_stays_missing(tmp_path):
    rows = lumis(((1, 1), None), ((1, 2), mixed(0)), ((1, 3), None))
    (found,) = read(tmp_path / "a.root", write(tmp_path / "a.root", rows)).values()
    assert list(found) == [(1, 2)]


def test_a_product_without_rows_keeps_its_other_values(tmp_path):
    product = Mixed(np.array([7]), np.zeros(0, np.float32), (), np.arange(3, dtype=np.uint16))
    (found,) = read(tmp_path / "a.root", write(tmp_path / "a.root", lumis(((1, 1), product)))).values()
    assert same(found[1, 1], product)


def test_values_other_than_those_written_are_found_out(tmp_path):
    write(tmp_path / "a.root", lumis(((1, 1), mixed(2))))
    stored = write(tmp_path / "b.root", lumis(((1, 1), mixed(3))))
    with pytest.raises(FileOpenError, match=r"values of m_n, .* are not those"):
        read(tmp_path / "a.root", stored)
    with pytest.raises(FileOpenError, match="has 1 entries and 5 were written"):
        read(tmp_path / "b.root", msgspec.structs.replace(stored, entries=5))


def test_what_comes_again_is_merged_and_what_earlier_processes_made_must_be_the_same():
    own, earlier = branch("NOW", "concatenate"), branch("BEFORE", "concatenate")
    rows = LevelRows(BranchType.InLumi, [own, earlier], process="NOW")
    rows.add((1, 1), [mixed(1), mixed(1)])
    rows.add((1, 1), [mixed(2), mixed(1)])
    with pytest.raises(MismatchedInputFiles, match="Mixed_m__BEFORE of luminosity block 1:1"):
        rows.add((1, 1), [None, mixed(2)])


def test_products_of_several_files_are_put_together():
    whole = InputLevels([branch(merging="concatenate")])
    (one,) = whole.branches
    for n in (1, 2):
        whole.add({one: {(1, 1): mixed(n), (1, n + 1): mixed(n)}})
    assert whole.product(one, (1, 1)).pt.tolist() == [0, 0, 1]
    assert whole.product(one, (1, 3)).pt.tolist() == [0, 1]
    assert whole.product(one, (9, 9)) is None


def test_differences_are_told_by_product_and_luminosity_block():
    other = branch("Q")
    a, b = {branch(): {(1, 1): mixed(1), (1, 2): mixed(2)}}, {branch(): {(1, 1): mixed(2)}}
    assert list(level_differences(a, b, Tolerance())) == [
        "Mixed_m__P of luminosity block 1:1 differs in n, pixel, pt, word",
        "only in A: Mixed_m__P of luminosity block 1:2",
    ]
    assert list(level_differences(a, {other: a[branch()]}, Tolerance())) == [
        "only in A: Mixed_m__P, of the LuminosityBlock",
        "only in B: Mixed_m__Q, of the LuminosityBlock",
    ]
    assert not list(level_differences(a, {other: a[branch()]}, Tolerance(), any_process=True))
    assert not list(level_differences(a, b, Tolerance(), ["Mixed_m__P.*"]))
