"""``eventproc content``: the products in a file and their columns, as edmDumpEventContent."""

from __future__ import annotations

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text


def content(
    file: Annotated[str, typer.Argument(help="a ROOT file of any known layout", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show the products in a file: type, module, instance, process, and their columns."""
    # uproot takes half a second to import, which the list of commands should not wait for.
    from eventproc.io.inspection.content import content_lines, read_content  # noqa: PLC0415

    found = read_content(file)
    if as_json:
        typer.echo(json.dumps(found.to_dict(), indent=1))
        return
    console = Console(highlight=False)
    for name, rest in content_lines(found):
        console.print(Text.assemble((name, "bold"), rest), soft_wrap=True)
    console.print(f"{found.events} events, {len(found.products)} products", style="dim")
