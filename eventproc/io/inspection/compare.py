"""Comparison: whether two files hold the same events with the same values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise

from eventproc.io.format.record_table import record_tables
from eventproc.io.inspection.column_difference import ColumnDifference, Tolerance
from eventproc.io.inspection.level_difference import level_differences
from eventproc.io.inspection.presence_difference import presence_difference
from eventproc.io.reading.layout import LayoutFile
from eventproc.io.reading.opened_file import open_any_layout
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID

Names = dict[str, tuple[BranchDescription, str]]
"""Columns of a file, by the name `_column_names` gives them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two files, called A and B, have in common and what not.

    Attributes:
        events: events compared; 0 when the files hold other events.
        only_a: events that only A holds.
        only_b: events that only B holds.
        other_order: whether both hold the same events in another order.
        columns_only_a: columns that only A holds, or with another type than B.
        columns_only_b: the same for B.
        ignored: columns left out.
        columns: the columns compared.
        levels: products of runs and luminosity blocks that differ, a sentence each.
        presence: products that events of one file lack and those of the other do not, a sentence each.
    """

    events: int
    only_a: Sequence[EventID]
    only_b: Sequence[EventID]
    other_order: bool
    columns_only_a: Sequence[str]
    columns_only_b: Sequence[str]
    ignored: Sequence[str]
    columns: Sequence[ColumnDifference]
    levels: Sequence[str] = ()
    presence: Sequence[str] = ()

    @property
    def same_events(self) -> bool:
        """Whether the events are the same in the same order."""
        return not (self.only_a or self.only_b or self.other_order)

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        same_columns = not (self.columns_only_a or self.columns_only_b)
        same_values = not any(c.differs for c in self.columns)
        return self.same_events and same_columns and same_values and not (self.levels or self.presence)


def compare_files(
    name_a: str,
    name_b: str,
    tolerance: Tolerance,
    *,
    ignore: Sequence[str] = (),
    with_varying: bool = False,
    any_process: bool = False,
) -> Comparison:
    """Compares two files event by event and column by column, in whatever layouts they are.

    Columns are compared only where both files hold the same events in the same order.

    Args:
        name_a: a file.
        name_b: another.
        tolerance: what floating-point values may differ by.
        ignore: columns to leave out, ``type_label_instance_process.column``, with ``*`` and ``?``.
        with_varying: compare also what differs from run to run of one job; see `RecordTable.varying`.
        any_process: leave the process out of the names.

    Raises:
        FileOpenError: a file is missing or damaged, or no layout recognises it.
        FileReadError: a file cannot be read.
    """
    with open_any_layout(name_a) as a, open_any_layout(name_b) as b:
        ids_a, ids_b = (list(file.event_ids(0, file.n_entries)) for file in (a, b))
        names_a, names_b = (_column_names(file, any_process=any_process) for file in (a, b))
        ignored = _ignored({**names_b, **names_a}, ignore, with_varying=with_varying)
        common = [name for name in names_a if name in names_b and name not in ignored]
        same = ids_a == ids_b
        differences = list(_compare_columns(a, b, ids_a, names_a, names_b, common, tolerance)) if same else []
        presence = list(_compare_presence(a, b, ids_a, names_a, names_b, common)) if same else []
        levels = list(level_differences(a.levels, b.levels, tolerance, ignore, any_process=any_process))
    only_a, only_b = list(Counter(ids_a) - Counter(ids_b)), list(Counter(ids_b) - Counter(ids_a))
    return Comparison(
        events=len(ids_a) if same else 0,
        only_a=only_a,
        only_b=only_b,
        other_order=not (same or only_a or only_b),
        columns_only_a=[name for name in names_a if name not in names_b and name not in ignored],
        columns_only_b=[name for name in names_b if name not in names_a and name not in ignored],
        ignored=sorted(ignored),
        columns=differences,
        levels=levels,
        presence=presence,
    )


def _column_names(file: LayoutFile, *, any_process: bool) -> Names:
    names: Names = {}
    for branch in file.branches:
        product = branch.name.rpartition("_")[0] if any_process else branch.name
        for c in branch.schema:
            axis = "" if c.axis is None else f"[{c.axis}]"
            names.setdefault(f"{product}.{c.name} {c.dtype}{axis}", (branch, c.name))
    return names


def _ignored(names: Names, patterns: Sequence[str], *, with_varying: bool) -> set[str]:
    tables = {} if with_varying else record_tables()
    ignored = set()
    for name, (branch, column) in names.items():
        varies = branch.type_name in tables and column in tables[branch.type_name].varying
        if varies or any(fnmatchcase(name.partition(" ")[0], pattern) for pattern in patterns):
            ignored.add(name)
    return ignored


def _compare_presence(
    a: LayoutFile, b: LayoutFile, ids: list[EventID], names_a: Names, names_b: Names, common: Sequence[str]
) -> Iterator[str]:
    products = {name.partition(" ")[0].rpartition(".")[0]: name for name in common}
    for product, name in products.items():
        found = presence_difference((a, names_a[name][0]), (b, names_b[name][0]), ids, product)
        if found:
            yield found


def _compare_columns(
    a: LayoutFile,
    b: LayoutFile,
    ids: list[EventID],
    names_a: Names,
    names_b: Names,
    common: Sequence[str],
    tolerance: Tolerance,
) -> Iterator[ColumnDifference]:
    for name in common:
        (branch_a, column_a), (branch_b, column_b) = names_a[name], names_b[name]
        difference = ColumnDifference(name.partition(" ")[0])
        limits = sorted({*a.cluster_limits([branch_a]), *b.cluster_limits([branch_b])})
        for start, stop in pairwise(limits):
            (left,) = a.read(branch_a, [column_a], start, stop)
            (right,) = b.read(branch_b, [column_b], start, stop)
            difference.add(left, right, ids[start:stop], tolerance)
        yield difference
