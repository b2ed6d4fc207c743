"""Digests by cluster: what is read of a file of ours is compared with what was written, as it is read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from eventproc.errors import FileReadError
from eventproc.io.format.column_buffer import crc32
from eventproc.io.format.file_metadata import Completion
from eventproc.io.format.stored_tree import COUNTER_DTYPE
from eventproc.io.root.column import Column, Offsets

_HEX_DIGITS = 8
"""Of one CRC-32."""


class ClusterDigests:
    """Notes, where clusters end, the digests of all values so far.

    A digest goes on from that of the clusters before, so that the last one is that of all values.
    """

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._hex: dict[str, list[str]] = {}

    def end_cluster(self, events: int, digests: Mapping[str, int]) -> None:
        """A cluster ends.

        Args:
            events: entries so far.
            digests: by branch, the CRC-32 of all values so far.
        """
        self._ends.append(events)
        for name, value in digests.items():
            self._hex.setdefault(name, []).append(f"{value:08x}")

    def completion(self, *, complete: bool, events: int, digests: Mapping[str, int]) -> Completion:
        """How the writing ended."""
        return Completion(
            complete,
            events,
            {name: f"{value:08x}" for name, value in digests.items()},
            tuple(self._ends),
            {name: "".join(each) for name, each in self._hex.items()},
        )


class DigestCheck:
    """Compares values with their digests, cluster by cluster.

    A cluster is compared when all of it was read, in one piece or in pieces one after the other. What is
    read from the middle of a cluster cannot be compared before the next one begins.
    """

    def __init__(self, pfn: str, completion: Completion) -> None:
        self._pfn = pfn
        self._ends = completion.clusterEnds or ((completion.nEvents,) if completion.nEvents else ())
        clusters = completion.clusterCrc32 if completion.clusterEnds else completion.crc32
        self._expected = {name: _split(text) for name, text in clusters.items()}
        self._begins = {begin: k for k, begin in enumerate((0, *self._ends[:-1]))}
        self._places = {end: k for k, end in enumerate(self._ends)}
        # By branch: where the last reading stopped, and the digest of all values before.
        self._running: dict[str, tuple[int, int]] = {}

    def compare(self, name: str, column: Column, start: int) -> None:
        """Takes what was read of a branch.

        Args:
            name: the branch.
            column: its values.
            start: first entry.

        Raises:
            FileReadError: these are not the values that were written.
        """
        self._compare(name, np.asarray(column.content), column.offsets, start)

    def compare_counts(self, name: str, offsets: Offsets, start: int) -> None:
        """The same for a counter, whose values say how many rows each entry of the other branches has."""
        counts = np.diff(offsets).astype(COUNTER_DTYPE)
        self._compare(name, counts, np.arange(len(counts) + 1), start)

    def _compare(self, name: str, values: npt.NDArray[Any], offsets: Offsets, start: int) -> None:
        expected = self._expected.get(name)
        if expected is None:
            return
        place, digest = self._running.get(name, (-1, 0))
        if place != start:
            cluster = self._begins.get(start)
            if cluster is None:
                return
            digest = expected[cluster - 1] if cluster else 0
        stop = start + len(offsets) - 1
        ends = self._ends[bisect_right(self._ends, start) : bisect_left(self._ends, stop)]
        for begin, end in pairwise([start, *ends, stop]):
            digest = crc32(values[offsets[begin - start] : offsets[end - start]], digest)
            cluster = self._places.get(end)
            if cluster is not None and digest != expected[cluster]:
                message = (
                    f"input file {self._pfn!r} is damaged: values of branch {name!r} within entries "
                    f"{begin} to {end - 1} are not those that were written"
                )
                raise FileReadError(message)
        self._running[name] = (stop, digest)


def _split(text: str) -> Sequence[int]:
    return [int(text[at : at + _HEX_DIGITS], 16) for at in range(0, len(text), _HEX_DIGITS)]
