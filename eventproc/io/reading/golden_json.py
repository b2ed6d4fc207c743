"""Golden JSON: the file in which luminosity blocks to process are given."""

from __future__ import annotations

import json
from pathlib import Path

from eventproc.errors import ConfigurationError
from eventproc.model.ranges import LumiMask


def read_golden_json(path: Path) -> LumiMask:
    """The luminosity blocks in a golden JSON.

    Raises:
        ConfigurationError: it cannot be read, or holds no luminosity blocks.
    """
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"lumi mask {str(path)!r} cannot be read: {reason}"
        raise ConfigurationError(message) from None
    return LumiMask.from_json(document)
