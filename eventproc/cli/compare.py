"""``eventproc compare``: whether two files hold the same events with the same values."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from eventproc.model.event_id import EventID

if TYPE_CHECKING:
    from eventproc.io.inspection.column_difference import ColumnDifference
    from eventproc.io.inspection.compare import Comparison

SHOWN = 5
"""Events of a kind that are named; the rest is a number."""


def compare(
    a: Annotated[str, typer.Argument(help="a file", show_default=False)],
    b: Annotated[str, typer.Argument(help="the file to compare it with", show_default=False)],
    atol: Annotated[float, typer.Option(min=0, help="absolute difference that floats may have")] = 0.0,
    rtol: Annotated[float, typer.Option(min=0, help="relative difference that floats may have")] = 0.0,
    ignore: Annotated[
        list[str] | None,
        typer.Option(help="columns to leave out, type_label_instance_process.column with * and ?; repeat it"),
    ] = None,
    varying: Annotated[
        bool, typer.Option("--varying", help="compare also times, servers and batches of inference")
    ] = False,
    any_process: Annotated[
        bool, typer.Option("--any-process", help="products match whatever process made them")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Compare two files event by event; exit code 0 when they hold the same, 1 when not."""
    # uproot takes half a second to import, which the list of commands should not wait for.
    from eventproc.io.inspection.column_difference import Tolerance  # noqa: PLC0415
    from eventproc.io.inspection.compare import compare_files  # noqa: PLC0415

    found = compare_files(
        a, b, Tolerance(atol, rtol), ignore=ignore or (), with_varying=varying, any_process=any_process
    )
    if as_json:
        typer.echo(json.dumps({"same": found.same, **dataclasses.asdict(found)}, indent=1))
    else:
        for line in _lines(found):
            typer.echo(line)
    raise typer.Exit(0 if found.same else 1)


def _lines(found: Comparison) -> Iterator[str]:
    for where, ids in (("A", found.only_a), ("B", found.only_b)):
        if ids:
            yield f"{len(ids)} events only in {where}: {_some(ids)}"
    if found.other_order:
        yield "the events are the same in another order"
    if not found.same_events:
        yield "columns were not compared, because the events are not the same in the same order"
    for where, names in (("A", found.columns_only_a), ("B", found.columns_only_b)):
        yield from (f"only in {where}: {name}" for name in names)
    yield from found.presence
    yield from (_difference(column) for column in found.columns if column.differs)
    yield from found.levels
    left_out = f", {len(found.ignored)} left out" if found.ignored else ""
    verdict = "same" if found.same else "different"
    yield f"{verdict}: {found.events} events and {len(found.columns)} columns compared{left_out}"


def _difference(column: ColumnDifference) -> str:
    parts = []
    if column.events_of_other_length:
        parts.append(f"other number of rows in {column.events_of_other_length} events")
    if column.different:
        by = f", by up to {column.largest:.3g}" if column.largest else ""
        parts.append(f"{column.different} of {column.values} values differ{by}")
    first = f"; first in {':'.join(map(str, column.first))}" if column.first else ""
    return f"{column.name}: {', '.join(parts)}{first}"


def _some(ids: Sequence[EventID]) -> str:
    shown = ", ".join(":".join(map(str, event_id)) for event_id in ids[:SHOWN])
    return shown + (", ..." if len(ids) > SHOWN else "")
