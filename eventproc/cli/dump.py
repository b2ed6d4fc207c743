"""``eventproc dump``: a job as it would run, words and modifiers applied, as edmConfigDump."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from eventproc.config.dump import dump_python
from eventproc.config.freeze import freeze
from eventproc.config.frozen_job import SUFFIX, render_frozen_job
from eventproc.config.job_file import read_job_file
from eventproc.config.loader import load_process
from eventproc.errors import CommandLineError, FileWriteError


def dump(
    config: Annotated[
        Path, typer.Argument(help="the job file: Python, or a frozen job (.json)", show_default=False)
    ],
    words: Annotated[list[str] | None, typer.Argument(help="words for the job file")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the frozen job, which run takes too")] = False,
    only_id: Annotated[
        bool, typer.Option("--id", help="only the ID of its tracked parameters and paths")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write instead of the screen")
    ] = None,
) -> None:
    """Show a job as it would run: a job file that loads back to the same job."""
    if as_json and only_id:
        message = "--json and --id exclude each other: leave one out"
        raise CommandLineError(message)
    # What a job file prints must not get into the job file that is printed.
    with contextlib.redirect_stdout(sys.stderr):
        text = _text(config, words or [], as_json=as_json, only_id=only_id)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text)
    except OSError as error:
        message = f"the dump cannot be written to {str(output)!r}: {error.strerror}"
        raise FileWriteError(message) from error


def _text(config: Path, words: list[str], *, as_json: bool, only_id: bool) -> str:
    if as_json:
        return render_frozen_job(read_job_file(config, words))
    if only_id:
        # Every plugin that the job names is imported for its defaults; no other form of the dump needs them.
        from eventproc.runtime.complete_id import complete_id  # noqa: PLC0415

        return f"{complete_id(read_job_file(config, words))}\n"
    if config.suffix == SUFFIX:
        message = f"{str(config)!r} is a frozen job, without the Python it came from; --json and --id show it"
        raise CommandLineError(message)
    process = load_process(config, words)
    freeze(process)  # a job that would not run is no job to hand on
    return dump_python(process)
