"""``eventproc merge``: files of one job configuration become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def merge(
    output: Annotated[Path, typer.Argument(help="the file to write", show_default=False)],
    inputs: Annotated[list[str], typer.Argument(help="the files, in order", show_default=False)],
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace an output that exists")] = False,
) -> None:
    """Merge files that PoolOutputModule wrote; incomplete, damaged and foreign files are refused."""
    from eventproc.io.merging.merge import merge_files  # noqa: PLC0415 - uproot is slow to load for help
    from eventproc.io.merging.merge_part import Part  # noqa: PLC0415 - as above
    from eventproc.services.summary import format_bytes  # noqa: PLC0415 - as above

    merged = merge_files([Part(name) for name in inputs], output, overwrite=overwrite)
    typer.echo(
        f"{merged.path}: {merged.events} events of {len(inputs)} files, {format_bytes(merged.size_bytes)}"
    )
