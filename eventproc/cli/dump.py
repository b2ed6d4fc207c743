"""``eventproc dump``: a job as it would run, words and modifiers applied, as edmConfigDump."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Annotated

import typer

from eventproc.config.dump import dump_python
from eventproc.config.dump_description import dump_description
from eventproc.config.freeze import freeze
from eventproc.config.frozen_job import SUFFIX, render_frozen_job
from eventproc.config.job_file import read_job_file
from eventproc.config.loader import load_process
from eventproc.errors import CommandLineError, FileWriteError
from eventproc.model.descriptions import ProcessDescription

ROOT_SUFFIX = ".root"
"""Files of this ending hold the jobs that made them."""


def dump(
    config: Annotated[
        Path,
        typer.Argument(
            help="the job file: Python, a frozen job (.json), or a file that a job wrote (.root)",
            show_default=False,
        ),
    ],
    words: Annotated[list[str] | None, typer.Argument(help="words for the job file")] = None,
    process: Annotated[
        str, typer.Option("--process", help="which of the processes that made a .root file; the last one")
    ] = "",
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
        if config.suffix == ROOT_SUFFIX:
            _refuse_words(config, words or [])
            text = _text_of(_stored_job(config, process), as_json=as_json, only_id=only_id)
        else:
            _refuse_process(config, process)
            text = _text(config, words or [], as_json=as_json, only_id=only_id)
    if output is None:
        typer.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        message = f"the dump cannot be written to {str(output)!r}: {error.strerror}"
        raise FileWriteError(message) from error


def _text(config: Path, words: list[str], *, as_json: bool, only_id: bool) -> str:
    if as_json or only_id or config.suffix == SUFFIX:
        return _text_of(read_job_file(config, words), as_json=as_json, only_id=only_id)
    process = load_process(config, words)
    freeze(process)  # a job that would not run is no job to hand on
    return dump_python(process)


def _text_of(job: ProcessDescription, *, as_json: bool, only_id: bool) -> str:
    if as_json:
        return render_frozen_job(job)
    if only_id:
        # Every plugin that the job names is imported for its defaults; no other form of the dump needs them.
        from eventproc.runtime.complete_id import complete_id  # noqa: PLC0415

        return f"{complete_id(job)}\n"
    return dump_description(job)


def _stored_job(config: Path, process: str) -> ProcessDescription:
    # uproot takes half a second to import, which a job file should not wait for.
    from eventproc.io.reading.stored_jobs import stored_job  # noqa: PLC0415

    return stored_job(str(config), process)


def _refuse_words(config: Path, words: list[str]) -> None:
    if words:
        message = (
            f"{str(config)!r} was written by a job and takes no words, {words[0]!r} would have no effect"
        )
        raise CommandLineError(message)


def _refuse_process(config: Path, process: str) -> None:
    if process:
        message = f"--process chooses among the processes of a .root file, and {str(config)!r} is none"
        raise CommandLineError(message)
