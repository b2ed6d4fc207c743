"""add_histograms: histogram files of several processes become one, as hadd does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uproot

from eventproc.errors import FileReadError
from eventproc.io.format.histogram_file import write_histograms


def add_histograms(parts: Sequence[Path], final: Path) -> None:
    """Adds the histograms of each name, weights and errors too, and replaces a file of the final name.

    Args:
        parts: ROOT files with the same TH1, TH2 and TH3 in each.
        final: the file to write.

    Raises:
        FileReadError: parts hold other things than histograms, or different ones.
        FileWriteError: the file cannot be written.
    """
    sums = _read(parts[0])
    for part in parts[1:]:
        more = _read(part)
        if more.keys() != sums.keys():
            which = ", ".join(sorted(more.keys() ^ sums.keys()))
            message = f"histograms for {str(final)!r} cannot be added: not every process made {which}"
            raise FileReadError(message)
        for name, histogram in more.items():
            sums[name] = _sum(name, sums[name], histogram)
    write_histograms(final, sums)


def _read(path: Path) -> dict[str, Any]:
    found = {}
    with uproot.open(path) as file:
        for name in file.keys(cycle=False, recursive=True):
            kind = file.classname_of(name)
            if kind.startswith("TDirectory"):
                continue
            if not kind.startswith("TH"):
                message = f"{name!r} is a {kind}: only histograms of several processes can be added"
                raise FileReadError(message)
            found[name] = file[name].to_hist()
    return found


def _sum(name: str, first: Any, second: Any) -> Any:
    try:
        return first + second
    except ValueError as error:
        message = f"histograms {name!r} of two processes cannot be added: {error}"
        raise FileReadError(message) from error
