"""The jobs that made a file, as it keeps them."""

from __future__ import annotations

import msgspec

from eventproc.errors import ConfigFileReadError, near_names
from eventproc.io.reading.opened_file import open_native
from eventproc.model.descriptions import ProcessDescription


def stored_job(file_name: str, process: str = "") -> ProcessDescription:
    """A job that made a file.

    Args:
        file_name: a file that a job of ours wrote.
        process: which of its processes; the last one when not given.

    Raises:
        FileOpenError: the file is missing or damaged, or another program wrote it.
        ConfigFileReadError: it has no such process, or this version does not know the form of its job.
    """
    with open_native(file_name) as file:
        stored = {str(record.get("name")): record.get("configuration") for record in file.history}
    wanted = process or next(reversed(stored), "")
    if wanted not in stored:
        message = f"file {file_name!r} was not made by a process {wanted!r}: {near_names(wanted, stored)}"
        raise ConfigFileReadError(message)
    try:
        return msgspec.convert(stored[wanted], ProcessDescription)
    except msgspec.ValidationError as error:
        message = f"the job of process {wanted!r} in file {file_name!r} cannot be used: {error}"
        raise ConfigFileReadError(message) from None
