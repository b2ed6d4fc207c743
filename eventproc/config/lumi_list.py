"""LumiList: luminosity blocks from a golden JSON, as in FWCore/PythonUtilities/python/LumiList.py."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.PythonUtilities.LumiList
from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eventproc.config.place import refuse
from eventproc.config.vectors import VLuminosityBlockRange
from eventproc.model.ranges import LumiMask


class LumiList:
    """``LumiList(filename="golden.json")`` or ``LumiList(compactList={"1": [[1, 9]]})``."""

    def __init__(self, filename: str = "", *, compactList: Mapping[Any, Any] | None = None) -> None:  # noqa: N803 - as in CMSSW
        """Reads the file, or takes the runs with their inclusive ranges.

        Raises:
            ConfigurationError: the file cannot be read, or holds no luminosity blocks.
        """
        document: Any = compactList if compactList is not None else {}
        if filename:
            try:
                document = json.loads(Path(filename).read_bytes())
            except (OSError, ValueError) as error:
                refuse(f"LumiList: {filename!r} cannot be read: {error}")
        self._mask = LumiMask.from_json(document)

    def getCompactList(self) -> dict[str, list[list[int]]]:
        """The luminosity blocks as a golden JSON has them."""
        return self._mask.to_json()

    def getVLuminosityBlockRange(self, tracked: bool = False) -> VLuminosityBlockRange:
        """The luminosity blocks for ``lumisToProcess``."""
        ranges = VLuminosityBlockRange(*self._mask.ranges())
        if not tracked:
            ranges.setIsTracked(False)
        return ranges

    def __len__(self) -> int:
        """How many luminosity blocks there are."""
        return sum(last - first + 1 for runs in self._mask.runs.values() for first, last in runs)
