"""``eventproc files``: events, sizes, runs and luminosity blocks of files, as edmFileUtil."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eventproc.errors import EventProcError, FileWriteError
from eventproc.model.ranges import LumiMask, lumi_mask

if TYPE_CHECKING:
    from eventproc.io.inspection.file_summary import FileSummary


def files(
    names: Annotated[list[str], typer.Argument(metavar="FILE...", help="ROOT files", show_default=False)],
    events: Annotated[bool, typer.Option("--events", "-e", help="list run:lumi:event of each event")] = False,
    json_file: Annotated[
        Path | None, typer.Option("--json", "-j", help="write the luminosity blocks as a golden JSON")
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify", help="read everything and compare it with the digests in the file")
    ] = False,
) -> None:
    """Show events, sizes, runs and luminosity blocks of files; all are looked at, even after an error."""
    summaries, errors = [], []
    for name in names:
        try:
            summaries.append(_show(name, events=events, check=verify))
        except EventProcError as error:
            typer.echo(f"eventproc: {error}", err=True)
            errors.append(error)
    if len(names) > 1:
        typer.echo(f"{sum(len(s.ids) for s in summaries)} events in {len(summaries)} files")
    if errors:
        raise typer.Exit(errors[0].shell_code)
    if json_file is not None:
        _write_json(json_file, summaries)


def _show(name: str, *, events: bool, check: bool) -> FileSummary:
    # uproot takes half a second to import, which the list of commands should not wait for.
    from eventproc.io.inspection.file_summary import read_summary, verify  # noqa: PLC0415
    from eventproc.services.summary import format_bytes  # noqa: PLC0415

    summary = read_summary(name)
    parts = [f"{len(summary.ids)} events", _in_words(summary.lumis())]
    if summary.size_bytes:
        parts.insert(1, format_bytes(summary.size_bytes))
    if not summary.complete:
        parts.append("PARTIAL: its job did not come to its end")
    if check:
        parts.append(f"{verify(name)} branches verified")
    typer.echo(f"{name}: {', '.join(parts)}")
    if events:
        for run, lumi, event in summary.ids:
            typer.echo(f"{run}:{lumi}:{event}")
    return summary


def _in_words(mask: LumiMask) -> str:
    """``run 1: 1-5, 8; run 2: 7``; at most four runs by name."""
    runs = [
        f"run {run}: " + ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in intervals)
        for run, intervals in mask.runs.items()
    ]
    return "; ".join([*runs[:4], *([f"{len(runs) - 4} more runs"] if len(runs) > 4 else [])]) or "no runs"


def _write_json(path: Path, summaries: Sequence[FileSummary]) -> None:
    mask = lumi_mask({event_id[:2] for summary in summaries for event_id in summary.ids})
    try:
        path.write_text(json.dumps(mask.to_json()) + "\n")
    except OSError as error:
        message = f"the luminosity blocks cannot be written to {str(path)!r}: {error.strerror}"
        raise FileWriteError(message) from error
