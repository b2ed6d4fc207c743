"""IdRanges: luminosity blocks and events by ranges, as VLuminosityBlockRange and VEventRange write them."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from eventproc.errors import ConfigurationError
from eventproc.model.event_id import EventID

MAX = 2**64 - 1
"""Stands for an open end."""

Numbers = tuple[int, ...]
"""Run and luminosity block; run and event; or run, luminosity block and event."""

_LUMIS = "a range of luminosity blocks; write run:lumi-run:lumi, run:lumi or run, such as '1:5-1:9'"
_EVENTS = (
    "a range of events; write run:event-run:event or run:lumi:event-run:lumi:event, or one event, "
    "such as '1:5-1:9'"
)


@dataclass(frozen=True, slots=True)
class IdRanges:
    """A union of ranges of ids; an id is in a range when it is not before its begin and not after its end.

    Ids order by run first, so that a range may go over runs: ``1:5-2:3`` ends in run 2, as in CMSSW.

    Attributes:
        ranges: begin and end, both included: ascending and apart.
    """

    ranges: tuple[tuple[Numbers, Numbers], ...]

    @classmethod
    def of(cls, ranges: Iterable[tuple[Numbers, Numbers]]) -> Self:
        """The union of ranges, in any order."""
        united: list[tuple[Numbers, Numbers]] = []
        for begin, end in sorted(ranges):
            if united and begin <= united[-1][1]:
                united[-1] = (united[-1][0], max(end, united[-1][1]))
            else:
                united.append((begin, end))
        return cls(tuple(united))

    @classmethod
    def parse_lumis(cls, texts: Iterable[str]) -> Self:
        """Reads luminosity blocks: ``1:5-1:9``, ``1:5``, ``1:MIN-1:9``, ``1`` for a run.

        Raises:
            ConfigurationError: one is written otherwise, or ends before it begins.
        """
        return cls.of(_parse(text, (1, 2), 2, _LUMIS) for text in texts)

    def contains(self, numbers: Numbers) -> bool:
        """Whether an id is in one of the ranges."""
        place = bisect_right(self.ranges, numbers, key=lambda each: each[0])
        return place > 0 and numbers <= self.ranges[place - 1][1]


@dataclass(frozen=True, slots=True)
class EventRanges:
    """Ranges of events.

    Attributes:
        by_lumi: those written with luminosity blocks.
        by_run: those written without; they count events of a run whatever the luminosity block.
    """

    by_lumi: IdRanges
    by_run: IdRanges

    @classmethod
    def parse(cls, texts: Sequence[str]) -> Self:
        """Reads ``run:event-run:event``, ``run:lumi:event-run:lumi:event``, or single events.

        Raises:
            ConfigurationError: one is written otherwise, or ends before it begins.
        """
        ranges = [_parse(text, (2, 3), None, _EVENTS) for text in texts]
        return cls(*(IdRanges.of(r for r in ranges if len(r[0]) == n) for n in (3, 2)))

    def contains(self, event_id: EventID) -> bool:
        """Whether an event is in one of the ranges."""
        return self.by_lumi.contains(event_id) or self.by_run.contains((event_id.run, event_id.event))


def _parse(text: str, lengths: Sequence[int], fill_to: int | None, what: str) -> tuple[Numbers, Numbers]:
    number = r"(?:\d+|MIN|MAX)"
    end_of = rf"{number}(?::{number})*"
    found = re.fullmatch(rf"({end_of})(?:-({end_of}))?", text.upper().replace(" ", ""))
    if found:
        first = found[1].split(":")
        last = (found[2] or found[1]).split(":")
        if last == ["MAX"]:
            last = last * len(first)
        if len(first) in lengths and len(first) == len(last):
            width = fill_to or len(first)
            begin = _numbers(first, 0, width)
            end = _numbers(last, MAX, width)
            if begin <= end:
                return begin, end
    message = f"{text!r} is not {what}"
    raise ConfigurationError(message)


def _numbers(words: Sequence[str], missing: int, width: int) -> Numbers:
    values = [{"MIN": 0, "MAX": MAX}.get(word) for word in words]
    given = [int(word) if value is None else value for word, value in zip(words, values, strict=True)]
    return (*given, *[missing] * (width - len(given)))
