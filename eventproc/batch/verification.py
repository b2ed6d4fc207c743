"""Verification: whether an output is what its job's record says it is."""

from __future__ import annotations

from pathlib import Path

from eventproc.batch.job_folder import JobFolder
from eventproc.batch.records import OutputRecord
from eventproc.io.format.publication import checksums


def output_path(job: JobFolder, output: OutputRecord) -> Path | None:
    """Where an output lies; None when it was staged out to a URL."""
    return None if "://" in output.pfn else job.path / output.pfn


def damage(job: JobFolder, output: OutputRecord) -> str:
    """What is wrong with an output, by its size and checksum; "" when nothing is, or it lies elsewhere."""
    path = output_path(job, output)
    return "" if path is None else file_damage(path, output)


def file_damage(path: Path, output: OutputRecord) -> str:
    """What is wrong with a file that should be an output; "" when nothing is."""
    try:
        size = path.stat().st_size
        if size != output.size_bytes:
            return f"{str(path)!r} has {size} bytes and was written with {output.size_bytes}"
        if checksums(path)["sha256"] != output.sha256:
            return f"{str(path)!r} is not what was written: its SHA-256 differs"
    except OSError as error:
        return f"{str(path)!r} cannot be read: {error.strerror}"
    return ""
