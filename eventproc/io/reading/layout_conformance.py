"""LayoutConformance: what every layout must do; the test of a layout inherits it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

import numpy as np

from eventproc.io.reading.layout import Layout, LayoutFile
from eventproc.io.root.column import Column
from eventproc.io.root.root_file import RootFile


class LayoutConformance(ABC):
    """Tests of the Layout interface. A subclass named ``Test...`` gives a layout and a file for it."""

    # ruff: noqa: S101 - these are tests, shipped so that layouts of other packages can inherit them

    @abstractmethod
    def make_layout(self) -> Layout:
        """The layout under test."""

    @abstractmethod
    def make_file(self, folder: Path) -> Path:
        """A file of the layout with at least five events, at least one of them with rows in a product."""

    def test_it_opens_its_own_file(self, tmp_path: Path) -> None:
        """Branches, entries and limits agree with one another."""
        with RootFile(str(self.make_file(tmp_path))) as file:
            opened = self.make_layout().open(file)
            assert opened.n_entries >= 5
            assert opened.branches
            assert len({branch.name for branch in opened.branches}) == len(opened.branches)
            limits = list(opened.cluster_limits(opened.branches))
            assert (limits[0], limits[-1]) == (0, opened.n_entries)
            assert limits == sorted(set(limits))
            assert opened.entry_bytes(opened.branches) > 0

    def test_event_ids_come_one_per_entry_and_in_order(self, tmp_path: Path) -> None:
        """Any range of ids is that range of all ids."""
        with RootFile(str(self.make_file(tmp_path))) as file:
            opened = self.make_layout().open(file)
            ids = list(opened.event_ids(0, opened.n_entries))
            assert len(ids) == opened.n_entries
            assert list(opened.event_ids(1, 4)) == ids[1:4]

    def test_columns_have_the_types_that_the_schema_promises(self, tmp_path: Path) -> None:
        """Dtypes, lengths and offsets of every product."""
        with RootFile(str(self.make_file(tmp_path))) as file:
            opened = self.make_layout().open(file)
            rows = 0
            for branch in opened.branches:
                columns = opened.read(branch, [c.name for c in branch.schema], 0, opened.n_entries)
                offsets_of: dict[str, Column] = {}
                for schema, column in zip(branch.schema, columns, strict=True):
                    _check(column, schema.dtype, opened)
                    if schema.axis is None:
                        assert np.array_equal(column.offsets, np.arange(opened.n_entries + 1))
                        continue
                    first = offsets_of.setdefault(schema.axis, column)
                    assert np.array_equal(column.offsets, first.offsets)
                    rows += len(column.content)
            assert rows > 0

    def test_a_range_of_entries_is_that_part_of_all_entries(self, tmp_path: Path) -> None:
        """Reading entries 1 to 3 gives the rows of these, and columns in the order asked for."""
        with RootFile(str(self.make_file(tmp_path))) as file:
            opened = self.make_layout().open(file)
            for branch in opened.branches:
                names = [c.name for c in reversed(branch.schema)]
                every = opened.read(branch, names, 0, opened.n_entries)
                some = opened.read(branch, names, 1, 4)
                for whole, part in zip(every, some, strict=True):
                    begin, end = whole.offsets[1], whole.offsets[4]
                    assert np.array_equal(part.offsets, whole.offsets[1:5] - begin)
                    assert _equal(part.content, whole.content[begin:end])

    def test_presence_is_told_by_entry_where_a_product_is_missing_and_not_otherwise(
        self, tmp_path: Path
    ) -> None:
        """What the layout says of all entries it says of each."""
        with RootFile(str(self.make_file(tmp_path))) as file:
            opened = self.make_layout().open(file)
            for branch in opened.branches:
                every = opened.presence(branch, 0, opened.n_entries)
                alone = [opened.presence(branch, n, n + 1) is None for n in range(opened.n_entries)]
                assert alone == ([True] * opened.n_entries if every is None else every.tolist())
                assert every is None or not every.all()

    def test_one_column_can_be_read_alone(self, tmp_path: Path) -> None:
        """Each column is the same, alone or with the others."""
        with RootFile(str(self.make_file(tmp_path))) as file:
            opened = self.make_layout().open(file)
            for branch in opened.branches:
                names = [c.name for c in branch.schema]
                together = opened.read(branch, names, 0, 3)
                for name, column in zip(names, together, strict=True):
                    (alone,) = opened.read(branch, [name], 0, 3)
                    assert _equal(alone.content, column.content)


def _check(column: Column, dtype: str, opened: LayoutFile) -> None:
    assert column.offsets.dtype == np.int64
    assert len(column.offsets) == opened.n_entries + 1
    assert column.offsets[0] == 0
    assert column.offsets[-1] == len(column.content)
    if dtype == "str":
        assert isinstance(column.content, tuple)
    else:
        assert isinstance(column.content, np.ndarray)
        assert column.content.dtype.name == dtype


def _equal(first: object, second: object) -> bool:
    if isinstance(first, np.ndarray) and first.dtype.kind == "f":
        return np.array_equal(first, np.asarray(second), equal_nan=True)
    return first == second if isinstance(first, tuple) else np.array_equal(first, second)  # type: ignore[arg-type]
