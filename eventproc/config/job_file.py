"""read_job_file: the frozen description of a job, whether its file is Python or already frozen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eventproc.config.freeze import freeze
from eventproc.config.frozen_job import SUFFIX, read_frozen_job
from eventproc.config.loader import load_process
from eventproc.errors import CommandLineError
from eventproc.model.descriptions import ProcessDescription


def read_job_file(path: Path, words: Sequence[str] = ()) -> ProcessDescription:
    """The job that a file describes.

    Args:
        path: a Python job file, or a frozen job, whose name ends in ``.json``.
        words: what followed it on the command line.

    Raises:
        CommandLineError: there are words for a frozen job.
        EventProcError: what `load_process`, `freeze` and `read_frozen_job` raise.
    """
    if path.suffix != SUFFIX:
        return freeze(load_process(path, words))
    if words:
        message = f"{str(path)!r} is a frozen job and takes no words, {words[0]!r} would have no effect"
        raise CommandLineError(message)
    return read_frozen_job(path)
