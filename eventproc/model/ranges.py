"""Ranges: entries of a file and luminosity blocks of runs, written as a job or a golden JSON writes them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from eventproc.errors import ConfigurationError

Interval = tuple[int, int]
"""First and last, both included, as in all of CMS's ranges."""


@dataclass(frozen=True, slots=True)
class EntryRange:
    """Consecutive entries of a file.

    Attributes:
        start: the first.
        stop: the one after the last; None for the end of the file.
    """

    start: int = 0
    stop: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads ``first-last``, both included and counted from 0; "" stands for all entries.

        Raises:
            ConfigurationError: it is written otherwise, or ends before it begins.
        """
        if not text:
            return cls()
        found = re.fullmatch(r"(\d+)-(\d+)", text)
        if not found or int(found[2]) < int(found[1]):
            message = f"{text!r} is no range of entries; write first-last, such as '0-99', or '' for all"
            raise ConfigurationError(message)
        return cls(int(found[1]), int(found[2]) + 1)

    def __str__(self) -> str:
        return "" if self.stop is None else f"{self.start}-{self.stop - 1}"

    def clipped(self, n_entries: int) -> tuple[int, int]:
        """Start and stop within a file of so many entries."""
        stop = n_entries if self.stop is None else min(self.stop, n_entries)
        return min(self.start, stop), stop


@dataclass(frozen=True, slots=True)
class LumiMask:
    """Luminosity blocks to process, by run.

    Attributes:
        runs: run to intervals of luminosity blocks: ascending, apart, not touching.
    """

    runs: Mapping[int, tuple[Interval, ...]]

    @classmethod
    def of(cls, intervals: Iterable[tuple[int, Interval]]) -> Self:
        """The union of intervals, each with its run."""
        by_run: dict[int, list[Interval]] = {}
        for run, interval in intervals:
            by_run.setdefault(run, []).append(interval)
        return cls({run: _united(by_run[run]) for run in sorted(by_run)})

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Reads a golden JSON: ``{"297050": [[12, 137], [193, 776]]}``, run to inclusive intervals.

        Raises:
            ConfigurationError: the document is of another form.
        """
        try:
            return cls.of(
                (int(run), _interval(int(first), int(last)))
                for run, intervals in document.items()
                for first, last in intervals
            )
        except (AttributeError, TypeError, ValueError) as error:
            message = f'a lumi mask looks like {{"297050": [[12, 137], [193, 776]]}}: {error}'
            raise ConfigurationError(message) from None

    @classmethod
    def parse(cls, ranges: Iterable[str]) -> Self:
        """Reads ``run:lumi-run:lumi`` or ``run:lumi``, as in ``lumisToProcess``; both ends of one run.

        Raises:
            ConfigurationError: a range is written otherwise.
        """
        return cls.of(map(_parse_lumis, ranges))

    def contains(self, run: int, lumi: int) -> bool:
        """Whether a luminosity block is to be processed."""
        intervals = self.runs.get(run, ())
        place = bisect_right(intervals, lumi, key=lambda interval: interval[0])
        return place > 0 and lumi <= intervals[place - 1][1]

    def ranges(self) -> list[str]:
        """The mask as ``lumisToProcess`` writes it."""
        return [f"{run}:{a}-{run}:{b}" for run, intervals in self.runs.items() for a, b in intervals]

    def to_json(self) -> dict[str, list[list[int]]]:
        """The mask as a golden JSON."""
        return {str(run): [[a, b] for a, b in intervals] for run, intervals in self.runs.items()}

    def without(self, other: LumiMask) -> LumiMask:
        """The luminosity blocks of this mask that another one lacks."""
        return LumiMask.of(
            (run, left)
            for run, intervals in self.runs.items()
            for interval in intervals
            for left in _minus(interval, other.runs.get(run, ()))
        )


def lumi_mask(lumis: Iterable[tuple[int, int]]) -> LumiMask:
    """The mask of single luminosity blocks, given as (run, luminosity block)."""
    return LumiMask.of((run, (lumi, lumi)) for run, lumi in lumis)


def _interval(first: int, last: int) -> Interval:
    if last < first:
        message = f"[{first}, {last}] ends before it begins"
        raise ValueError(message)
    return first, last


def _parse_lumis(text: str) -> tuple[int, Interval]:
    found = re.fullmatch(r"(\d+):(\d+)(?:-(\d+):(\d+))?", text)
    last = found and int(found[4] or found[2])
    if not found or (found[3] or found[1]) != found[1] or last is None or last < int(found[2]):
        message = f"{text!r} is no range of luminosity blocks; write run:first-run:last, such as '1:5-1:9'"
        raise ConfigurationError(message)
    return int(found[1]), (int(found[2]), last)


def _united(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    united: list[Interval] = []
    for first, last in sorted(intervals):
        if united and first <= united[-1][1] + 1:
            united[-1] = (united[-1][0], max(last, united[-1][1]))
        else:
            united.append((first, last))
    return tuple(united)


def _minus(interval: Interval, holes: Sequence[Interval]) -> list[Interval]:
    left, (begin, end) = [], interval
    for first, last in holes:
        if first > begin and begin <= end:
            left.append((begin, min(first - 1, end)))
        begin = max(begin, last + 1)
    if begin <= end:
        left.append((begin, end))
    return left
