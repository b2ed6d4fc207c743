"""EventSelector: which events of the input are processed, as CMSSW's PoolSource decides."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Literal

from eventproc.errors import MismatchedInputFiles
from eventproc.io.reading.duplicate_checker import DuplicateChecker
from eventproc.io.reading.golden_json import read_golden_json
from eventproc.io.root.column import RowRange
from eventproc.model.event_id import EventID
from eventproc.model.id_ranges import EventRanges, IdRanges

_LOG = logging.getLogger("DuplicateChecker")

FIRST = EventID(1, 0, 1)
"""Before which there is no event."""

Test = Callable[[EventID], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events are wanted, by their ids; all without any.

    Attributes:
        first: events before this one are left out; its luminosity block may be 0 for any.
        lumis: luminosity blocks to process and to leave out.
        events: events to process and to leave out.
    """

    first: EventID = FIRST
    lumis: tuple[Sequence[str], Sequence[str]] = ((), ())
    events: tuple[Sequence[str], Sequence[str]] = ((), ())

    def lumi_test(self) -> Callable[[tuple[int, int]], bool] | None:
        """Tells whether a luminosity block is wanted; None for all.

        Raises:
            ConfigurationError: a range is written wrongly, or a golden JSON cannot be read.
        """
        wanted, unwanted = (IdRanges.parse_lumis(_without_files(texts)) for texts in self.lumis)
        first = self.first[:2]
        if not (any(self.lumis) or first > (1, 0)):
            return None
        every = not self.lumis[0]
        return lambda lumi: lumi >= first and (every or wanted.contains(lumi)) and not unwanted.contains(lumi)

    def event_test(self) -> Test | None:
        """Tells whether an event of a wanted luminosity block is wanted; None for all.

        Raises:
            ConfigurationError: a range is written wrongly.
        """
        wanted, unwanted = map(EventRanges.parse, self.events)
        run, lumi, event = self.first
        if not (any(self.events) or event > 1):
            return None
        every = not self.events[0]
        return lambda each: (
            not (each.run == run and lumi in (0, each.luminosityBlock) and each.event < event)
            and (every or wanted.contains(each))
            and not unwanted.contains(each)
        )


@dataclass(slots=True)
class DuplicatePolicy:
    """What becomes of events that come again.

    Attributes:
        mode: where they are looked for; CMSSW's names.
        action: they are left out, or told and processed, or end the job.
    """

    mode: Literal["checkAllFilesOpened", "checkEachFile", "checkEachRealDataFile", "noDuplicateCheck"]
    action: Literal["skip", "warn", "fail"]

    @property
    def looks(self) -> bool:
        """Whether they are looked for at all."""
        return self.mode != "noDuplicateCheck"

    @property
    def forgets(self) -> bool:
        """Whether a file is looked at by itself."""
        return self.mode != "checkAllFilesOpened"


@dataclass(slots=True)
class EventSelector:
    """Goes through the ids of the input once, in order.

    Attributes:
        selection: which events are wanted.
        duplicates: what becomes of those that come again.
        to_skip: how many of the wanted events are left out from here on.
    """

    selection: Selection
    duplicates: DuplicatePolicy
    to_skip: int = 0
    _lumi_test: Callable[[tuple[int, int]], bool] | None = field(init=False)
    _event_test: Test | None = field(init=False)
    _seen: DuplicateChecker = field(init=False, default_factory=DuplicateChecker)

    def __post_init__(self) -> None:
        self._lumi_test = self.selection.lumi_test()
        self._event_test = self.selection.event_test()

    @property
    def selects_by_id(self) -> bool:
        """Whether ids have to be looked at to know how many events are wanted."""
        return self._lumi_test is not None or self._event_test is not None

    @property
    def needs_ids_of_skipped(self) -> bool:
        """Whether events to skip have to be looked at, and not only counted."""
        return self.to_skip > 0 and (self.selects_by_id or self.duplicates.looks)

    def begin_file(self) -> None:
        """The next ids are of another file."""
        if self.duplicates.forgets:
            self._seen.forget()

    def select(self, ids: Sequence[EventID], pfn: str) -> tuple[list[RowRange], int]:
        """Takes the next ids of a file.

        Returns:
            Ranges of the places of those to process; and how many came before.

        Raises:
            MismatchedInputFiles: one came before, and that is to end the job.
        """
        ranges, n_again = [(0, len(ids))] if ids else [], 0
        if self.duplicates.looks:
            again = self._seen.find(ids)
            n_again = len(again)
            if again:
                self._tell([ids[place] for place in again], pfn)
                if self.duplicates.action == "skip":
                    ranges = _without(ranges, again)
        if self._lumi_test is not None:
            ranges = [part for part in _lumi_ranges(ids, ranges) if self._lumi_test(ids[part[0]][:2])]
        if self._event_test is not None:
            test = self._event_test
            places = [place for start, stop in ranges for place in range(start, stop) if test(ids[place])]
            ranges = _ranges(places)
        return (self._after_skipping(ranges) if self.to_skip else _united(ranges)), n_again

    def _tell(self, again: Sequence[EventID], pfn: str) -> None:
        what = f"{len(again)} events of input file {pfn!r} came before, the first is {again[0]}"
        if self.duplicates.action == "fail":
            message = f"{what}; onDuplicate = 'fail'"
            raise MismatchedInputFiles(message)
        _LOG.warning("%s: %s", what, "left out" if self.duplicates.action == "skip" else "processed again")

    def _after_skipping(self, ranges: Sequence[RowRange]) -> list[RowRange]:
        left = []
        for start, stop in ranges:
            skipped = min(self.to_skip, stop - start)
            self.to_skip -= skipped
            if start + skipped < stop:
                left.append((start + skipped, stop))
        return _united(left)


def _without_files(texts: Sequence[str]) -> list[str]:
    """Ranges, those of golden JSONs among the texts written out."""
    found = []
    for text in texts:
        if text.lower().endswith(".json"):
            found += read_golden_json(Path(text)).ranges()
        else:
            found.append(text)
    return found


def _lumi_ranges(ids: Sequence[EventID], ranges: Sequence[RowRange]) -> list[RowRange]:
    found = []
    for start, stop in ranges:
        begin = start
        for _, group in groupby(ids[start:stop], key=itemgetter(0, 1)):
            end = begin + sum(1 for _ in group)
            found.append((begin, end))
            begin = end
    return found


def _without(ranges: Sequence[RowRange], places: Sequence[int]) -> list[RowRange]:
    holes = set(places)
    return _ranges([place for start, stop in ranges for place in range(start, stop) if place not in holes])


def _ranges(places: Sequence[int]) -> list[RowRange]:
    return _united([(place, place + 1) for place in places])


def _united(ranges: Sequence[RowRange]) -> list[RowRange]:
    united: list[RowRange] = []
    for start, stop in ranges:
        if united and start == united[-1][1]:
            united[-1] = (united[-1][0], stop)
        else:
            united.append((start, stop))
    return united
