"""Words that commands about tasks share: the task, its jobs, and options of the form name=value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from eventproc.batch.engines.base import Engine
from eventproc.batch.engines.table import make_engine
from eventproc.batch.task_folder import TaskFolder
from eventproc.errors import CommandLineError

Task = Annotated[Path, typer.Argument(help="folder of the task", show_default=False)]
JobIds = Annotated[
    str, typer.Option("--jobids", help="jobs, such as 1,5,10-15; default: all that it makes sense for")
]
AsJson = Annotated[bool, typer.Option("--json", help="print JSON for scripts")]


def open_task(path: Path) -> tuple[TaskFolder, Engine]:
    """The task of a folder, and the engine that carries its jobs.

    Raises:
        ConfigurationError: the folder holds no task.
    """
    task = TaskFolder.load(path)
    return task, make_engine(
        task.record.engine, task.record.name, task.engine_folder, task.record.engine_options
    )


def parse_job_ids(text: str, n_jobs: int) -> list[int]:
    """Numbers of jobs out of ``1,5,10-15``.

    Raises:
        CommandLineError: it is written otherwise, or there is no such job.
    """
    numbers: list[int] = []
    for part in filter(None, text.split(",")):
        found = re.fullmatch(r"(\d+)(?:-(\d+))?", part.strip())
        if not found:
            message = f"--jobids: {part!r} is neither a job such as 7 nor a range such as 10-15"
            raise CommandLineError(message)
        numbers += range(int(found[1]), int(found[2] or found[1]) + 1)
    wrong = [number for number in numbers if not 1 <= number <= n_jobs]
    if wrong:
        message = f"--jobids: the task has jobs 1 to {n_jobs}, and no {wrong[0]}"
        raise CommandLineError(message)
    return sorted(set(numbers))


def parse_options(words: Sequence[str]) -> dict[str, str]:
    """Options out of ``name=value`` words.

    Raises:
        CommandLineError: a word has no ``=``.
    """
    options = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            message = f"--engine-option {word!r} must have the form name=value"
            raise CommandLineError(message)
        options[name] = value
    return options


def short_list(numbers: Sequence[int]) -> str:
    """Numbers with runs written as ranges: ``1,5,10-15``."""
    parts: list[list[int]] = []
    for number in numbers:
        if parts and number == parts[-1][-1] + 1:
            parts[-1][1:] = [number]
        else:
            parts.append([number])
    return ",".join("-".join(map(str, part)) for part in parts)
