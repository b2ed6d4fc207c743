"""Frozen job files: a ProcessDescription as JSON, which runs without the Python that described it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec

from eventproc.errors import ConfigFileNotFound, ConfigFileReadError, near_names
from eventproc.model.descriptions import ProcessDescription

SUFFIX = ".json"
"""Files of this ending are frozen jobs, all others are Python."""

FORMAT = 1
"""Raised when a reader of the former format would misread a file."""


def render_frozen_job(description: ProcessDescription) -> str:
    """The job as the text of a frozen job file."""
    values = {"eventprocJob": FORMAT, "process": msgspec.to_builtins(description)}
    return json.dumps(values, indent=1) + "\n"


def parse_frozen_job(text: bytes, whose: str) -> ProcessDescription:
    """The job in the text of a frozen job file.

    Args:
        text: JSON.
        whose: the file as messages name it.

    Raises:
        ConfigFileReadError: it is no frozen job, or one of another format.
    """
    try:
        values = msgspec.json.decode(text, type=dict[str, Any])
        if values.get("eventprocJob") != FORMAT:
            message = f"eventprocJob is {values.get('eventprocJob')!r}; this version reads {FORMAT}"
            raise msgspec.ValidationError(message)
        description = msgspec.convert(values.get("process"), ProcessDescription)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = re.sub(r"\$(?=[.`])", "process", str(error))
        message = f"frozen job file {whose!r} cannot be used: {reason}"
        raise ConfigFileReadError(message) from None
    return description


def read_frozen_job(path: Path) -> ProcessDescription:
    """The job in a frozen job file.

    Raises:
        ConfigFileNotFound: there is no such file, or it cannot be read.
        ConfigFileReadError: it is no frozen job, or one of another format.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        known = [file.name for file in path.parent.glob(f"*{SUFFIX}")]
        hint = near_names(path.name, known) if isinstance(error, FileNotFoundError) else error.strerror
        message = f"frozen job file {str(path)!r} cannot be read: {hint}"
        raise ConfigFileNotFound(message) from None
    return parse_frozen_job(text, str(path))
