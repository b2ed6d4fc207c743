"""Where in the user's files something was written: ``job_cfg.py:12`` for messages."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from eventproc.errors import ConfigurationError

OWN_FOLDER = str(Path(__file__).parent) + os.sep
"""Frames of files in here are the language itself, not the user's."""


def caller_place() -> str:
    """File and line of the innermost frame that is not part of the language, "" if there is none."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename.startswith(OWN_FOLDER):
        frame = frame.f_back
    return "" if frame is None else f"{frame.f_code.co_filename}:{frame.f_lineno}"


def refuse(message: str) -> NoReturn:
    """Raises an error that names the user's line.

    Raises:
        ConfigurationError: always.
    """
    located = f"{caller_place()}: {message}"
    raise ConfigurationError(located) from None
