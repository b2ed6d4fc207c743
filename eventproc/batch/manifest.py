"""The jobs of a manifest: slices become records, and records tell of luminosity blocks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eventproc.batch.records import FileRecord, JobRecord
from eventproc.model.ranges import LumiMask, lumi_mask
from eventproc.model.splitting import JobSlice, Lumi


def job_records(slices: Sequence[JobSlice]) -> tuple[JobRecord, ...]:
    """The jobs of slices, numbered from 1 in their order."""
    return tuple(
        JobRecord(
            id=number,
            files=tuple(FileRecord(file.name, str(file.entries)) for file in part.files),
            lumis=tuple(part.lumis.ranges()) if part.lumis is not None else (),
            events=part.events,
            content=_content(part),
        )
        for number, part in enumerate(slices, 1)
    )


def _content(part: JobSlice) -> tuple[tuple[int, int, int], ...]:
    counts: dict[Lumi, int] = {}
    for file in part.files:
        for lumi, events in file.lumis():
            if part.lumis is None or part.lumis.contains(*lumi):
                counts[lumi] = counts.get(lumi, 0) + events
    return tuple((*lumi, events) for lumi, events in counts.items())


def content_mask(jobs: Iterable[JobRecord]) -> LumiMask:
    """The luminosity blocks that jobs are known to hold events of."""
    return lumi_mask((run, lumi) for job in jobs for run, lumi, _ in job.content)
