"""Splitting: a dataset becomes the slices of jobs, so that every event is in exactly one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from eventproc.errors import ConfigurationError
from eventproc.model.ranges import EntryRange, LumiMask, lumi_mask

Lumi = tuple[int, int]
"""Run and luminosity block."""


ALL_ENTRIES = EntryRange()


@dataclass(frozen=True, slots=True)
class LumiSpan:
    """Consecutive entries of a file that belong to one luminosity block."""

    lumi: Lumi
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class DatasetFile:
    """A file of a dataset, or a part of one.

    Attributes:
        name: path or URL.
        entries: the entries that belong to the dataset.
        spans: its luminosity blocks in order of entries, without a gap; None when nobody looked.
    """

    name: str
    entries: EntryRange = ALL_ENTRIES
    spans: tuple[LumiSpan, ...] | None = None

    def lumis(self) -> list[tuple[Lumi, int]]:
        """Its luminosity blocks in order of entries, and the number of entries of each."""
        stop = self.entries.stop
        counts: dict[Lumi, int] = {}
        for span in self.spans or ():
            first = max(span.start, self.entries.start)
            last = span.stop if stop is None else min(span.stop, stop)
            if last > first:
                counts[span.lumi] = counts.get(span.lumi, 0) + last - first
        return list(counts.items())


@dataclass(frozen=True, slots=True)
class JobSlice:
    """What one job reads.

    Attributes:
        files: files and their entries, in order.
        lumis: luminosity blocks to process; None for all.
        events: events in it; None when unknown, because nobody looked into the files.
    """

    files: tuple[DatasetFile, ...]
    lumis: LumiMask | None
    events: int | None


def split_by_files(
    files: Sequence[DatasetFile], files_per_job: int, mask: LumiMask | None = None
) -> list[JobSlice]:
    """So many files in each job; the files need not be known inside."""
    _refuse_less_than_one(files_per_job, "files")
    remaining = iter(files)
    return [_slice(group, mask) for group in iter(lambda: list(islice(remaining, files_per_job)), [])]


def split_by_events(
    files: Sequence[DatasetFile], events_per_job: int, mask: LumiMask | None = None
) -> list[JobSlice]:
    """So many events in each job, those outside the mask not counted; a job may span files.

    Raises:
        ConfigurationError: a file's entries are not known, or the number is less than one.
    """
    _refuse_less_than_one(events_per_job, "events")
    slices: list[JobSlice] = []
    group: list[DatasetFile] = []
    room = events_per_job
    for piece in _pieces(files, mask):
        start, stop = piece.entries.start, piece.entries.stop or 0
        while start < stop:
            end = min(stop, start + room)
            _append(group, DatasetFile(piece.name, EntryRange(start, end), piece.spans))
            room -= end - start
            start = end
            if not room:
                slices.append(_slice(group, None))
                group, room = [], events_per_job
    return [*slices, _slice(group, None)] if group else slices


def split_by_lumis(
    files: Sequence[DatasetFile], lumis_per_job: int, mask: LumiMask | None = None
) -> list[JobSlice]:
    """So many whole luminosity blocks in each job, wherever their events lie.

    Raises:
        ConfigurationError: a file's luminosity blocks are not known, or the number is less than one.
    """
    _refuse_less_than_one(lumis_per_job, "luminosity blocks")
    remaining = iter(_lumi_counts(files, mask))
    groups = iter(lambda: [lumi for lumi, _ in islice(remaining, lumis_per_job)], [])
    return _lumi_slices(files, groups)


def split_by_event_aware_lumis(
    files: Sequence[DatasetFile], events_per_job: int, mask: LumiMask | None = None
) -> list[JobSlice]:
    """Whole luminosity blocks in each job, up to so many events; one that has more is a job by itself.

    Raises:
        ConfigurationError: a file's luminosity blocks are not known, or the number is less than one.
    """
    _refuse_less_than_one(events_per_job, "events")
    groups: list[list[Lumi]] = []
    events = 0
    for lumi, count in _lumi_counts(files, mask):
        if groups and events + count <= events_per_job:
            groups[-1].append(lumi)
            events += count
        else:
            groups.append([lumi])
            events = count
    return _lumi_slices(files, iter(groups))


def identical_jobs(files: Sequence[DatasetFile], jobs: int, mask: LumiMask | None = None) -> list[JobSlice]:
    """The whole dataset in each of so many jobs: a load test, where every event is processed in each."""
    _refuse_less_than_one(jobs, "jobs")
    return [_slice(files, mask)] * jobs


def _refuse_less_than_one(number: int, of_what: str) -> None:
    if number < 1:
        message = f"a dataset cannot be split into jobs of {number} {of_what}; give one or more"
        raise ConfigurationError(message)


def _slice(files: Sequence[DatasetFile], mask: LumiMask | None) -> JobSlice:
    known = all(file.spans is not None for file in files)
    events = None
    if known:
        events = sum(n for f in files for lumi, n in f.lumis() if mask is None or mask.contains(*lumi))
    return JobSlice(tuple(files), mask, events)


def _known(file: DatasetFile) -> tuple[LumiSpan, ...]:
    if file.spans is None:
        message = f"file {file.name!r} was not looked into, so that only --files-per-job can split it"
        raise ConfigurationError(message)
    return file.spans


def _pieces(files: Sequence[DatasetFile], mask: LumiMask | None) -> Iterator[DatasetFile]:
    """Stretches of entries that the mask lets through, in order."""
    for file in files:
        spans = _known(file)
        start, stop = file.entries.clipped(spans[-1].stop if spans else 0)
        for span in spans:
            first, last = max(span.start, start), min(span.stop, stop)
            if first < last and (mask is None or mask.contains(*span.lumi)):
                yield DatasetFile(file.name, EntryRange(first, last), spans)


def _append(group: list[DatasetFile], piece: DatasetFile) -> None:
    """Adds a piece, in one with the last one if it goes on there."""
    last = group[-1] if group else None
    if last is not None and last.name == piece.name and last.entries.stop == piece.entries.start:
        group[-1] = DatasetFile(piece.name, EntryRange(last.entries.start, piece.entries.stop), piece.spans)
    else:
        group.append(piece)


def _lumi_counts(files: Sequence[DatasetFile], mask: LumiMask | None) -> list[tuple[Lumi, int]]:
    counts: dict[Lumi, int] = {}
    for file in files:
        _known(file)
        for lumi, count in file.lumis():
            if mask is None or mask.contains(*lumi):
                counts[lumi] = counts.get(lumi, 0) + count
    return list(counts.items())


def _lumi_slices(files: Sequence[DatasetFile], groups: Iterator[list[Lumi]]) -> list[JobSlice]:
    contents = [(file, {lumi for lumi, _ in file.lumis()}) for file in files]
    return [
        _slice([file for file, lumis in contents if not lumis.isdisjoint(group)], lumi_mask(group))
        for group in groups
    ]
