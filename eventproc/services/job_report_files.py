"""Writes job reports: XML and JSON, each complete or not there, with room kept for a full disk."""

from __future__ import annotations

import contextlib
import json
import os
import platform
from pathlib import Path

from eventproc.errors import FileWriteError
from eventproc.services.framework_job_report import render_framework_job_report
from eventproc.services.job_report import JobReport
from eventproc.services.plain_values import plain_value

# A report of a job that still runs is filled up to this with white space, which XML and JSON both allow at
# the end; a job that fills the disk can then still write its last report, over this one.
RESERVED_BYTES = 64 * 1024


def report_paths(path: Path) -> tuple[Path, Path]:
    """The XML and the JSON file that a name given by the user stands for.

    ``fjr.xml`` and ``fjr.json`` both mean the pair; any other name is the XML file, with ``.json`` added
    for the other, so that the reports of ``job.1`` and ``job.2`` stay apart.
    """
    if path.suffix in (".xml", ".json"):
        return path.with_suffix(".xml"), path.with_suffix(".json")
    return path, path.with_name(path.name + ".json")


def write_job_report(report: JobReport, path: Path) -> tuple[Path, Path]:
    """Writes the report as FrameworkJobReport XML and as JSON, replacing what stood there.

    Called before the first event it leaves files that say UnexpectedJobTermination, should nobody write
    the report again.

    Returns:
        The paths of the XML and of the JSON file.

    Raises:
        FileWriteError: a folder is missing or not writable, or the name is taken by something else.
    """
    xml_path, json_path = report_paths(path)
    _refuse_special_files(xml_path, json_path)
    reserved = 0 if report.ended else RESERVED_BYTES
    _publish(json_path, render_json(report).ljust(reserved))
    _publish(xml_path, render_framework_job_report(report).ljust(reserved))
    return xml_path, json_path


def render_json(report: JobReport) -> bytes:
    """The report as a JSON document: the attributes of JobReport by name."""
    values = plain_value(report) | {
        "errors": plain_value(report.stated_errors()),
        "events_skipped": report.events_skipped,
        "skipped_files": {file.pfn: file.why_skipped for file in report.inputs if file.why_skipped},
    }
    return json.dumps(values, indent=2, allow_nan=False).encode() + b"\n"


def _refuse_special_files(*paths: Path) -> None:
    # Replacing /dev/null by a report would be possible for root, and a disaster.
    for path in paths:
        if path.exists() and not path.is_file():
            message = f"job report {path} cannot be written: it exists and is not a regular file"
            raise FileWriteError(message)


def _publish(path: Path, content: bytes) -> None:
    try:
        _replace(path, content)
    except OSError as error:
        if not _overwrite(path, content):
            reason = f"{error.strerror}; its folder must exist and be writable"
            message = f"job report {path} cannot be written: {reason}"
            raise FileWriteError(message) from error


def _replace(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.tmp-{platform.node()}-{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    # Some network file systems refuse fsync on a folder; the file itself is on disk by now.
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _overwrite(path: Path, content: bytes) -> bool:
    """Writes into the blocks the file has already; False when it has too few or may not be written."""
    try:
        with path.open("r+b") as file:
            size = os.fstat(file.fileno()).st_size
            if size < len(content):
                return False
            file.write(content.ljust(size))
            file.flush()
            os.fsync(file.fileno())
            file.truncate(len(content))
    except OSError:
        return False
    return True
