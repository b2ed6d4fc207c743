"""Provenance: what a file says of the processes that made it."""

from __future__ import annotations

from typing import Any

import msgspec

from eventproc.model.descriptions import ProcessDescription
from eventproc.version import __version__


def process_record(process: ProcessDescription) -> dict[str, Any]:
    """What a file keeps of one process.

    Returns:
        ``name``, ``id`` (ParameterSet ID of the job), ``version`` of the framework, and ``configuration``,
        the whole frozen job as JSON values.
    """
    return {
        "name": process.name,
        "id": process.id,
        "version": __version__,
        "configuration": msgspec.to_builtins(process),
    }
