"""``eventproc provenance``: who made a file and with which parameters, as edmProvDump."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table as ScreenTable
from rich.text import Text

if TYPE_CHECKING:
    from eventproc.io.format.record_table import Table


def provenance(
    file: Annotated[str, typer.Argument(help="an output file of a job", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show how a file was made: processes, modules, parameters, and who computed its scores."""
    # uproot takes half a second to import, which the list of commands should not wait for.
    from eventproc.io.reading.file_provenance import provenance_lines, read_provenance  # noqa: PLC0415

    found = read_provenance(file)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1))
        return
    console = Console(highlight=False)
    for name, rest in provenance_lines(found):
        console.print(Text.assemble((name, "bold"), rest), soft_wrap=True)
    for branch, table in found.records.items():
        console.print()
        console.print(Text(branch, style="bold"))
        console.print(_on_screen(table))
        for note in table.notes:
            console.print(Text(note), soft_wrap=True)


def _on_screen(table: Table) -> ScreenTable:
    shown = ScreenTable(*table.head)
    for row in table.rows:
        shown.add_row(*map(Text, row))
    return shown
