"""Writes histograms into a ROOT file that appears only when it is complete."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import uproot

from eventproc.errors import FileWriteError


def write_histograms(path: Path, histograms: Mapping[str, Any]) -> None:
    """Writes hist histograms as TH1 and TH2, replacing a file of that name.

    Raises:
        FileWriteError: the folder is missing or not writable, or the disk is full.
    """
    if not path.parent.is_dir():  # uproot would make it, misspelt or not
        message = f"histograms cannot be written to {path}: folder {path.parent} does not exist"
        raise FileWriteError(message)
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        with uproot.recreate(temporary) as file:
            for name, histogram in histograms.items():
                file[name] = histogram
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        message = f"histograms cannot be written to {path}: {error.strerror or error}"
        raise FileWriteError(message) from error
