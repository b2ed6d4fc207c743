"""What the processes of a job say of their parts, as what the job says of itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence

from eventproc.errors import EventProcError
from eventproc.model.file_records import InputFileRecord, OutputFileRecord
from eventproc.runtime.division import Portion
from eventproc.runtime.part_messages import PartResult
from eventproc.services.job_report import ErrorRecord, JobReport, PartRecord


def fill_report(report: JobReport, portions: Sequence[Portion], results: Mapping[int, PartResult]) -> None:
    """Adds up what the parts did; outputs, errors and services are left to the caller.

    Args:
        report: the job's.
        portions: all parts, in the order of their events.
        results: of the parts that came to an end, by number.
    """
    ended = [results[portion.number] for portion in portions if portion.number in results]
    report.inputs = joined_inputs(record for result in ended for record in result.inputs)
    report.events_read = sum(result.events_read for result in ended)
    report.events_failed = sum(result.events_failed for result in ended)
    report.skipped_events = [event for result in ended for event in result.skipped_events]
    everything = sum(portion.events for portion in portions)
    report.events_unprocessed = everything - _settled(portions, results) - report.events_failed
    report.processes = [
        _record(portion, results[portion.number]) for portion in portions if portion.number in results
    ]


def _record(portion: Portion, result: PartResult) -> PartRecord:
    return PartRecord(
        first_event=portion.first_event,
        events_read=result.events_read,
        exit_code=result.errors[0].exit_code if result.errors else 0,
        cpu_s=result.cpu_s,
        peak_rss_mb=result.peak_rss_mb,
        peak_vsize_mb=result.peak_vsize_mb,
    )


def _settled(portions: Sequence[Portion], results: Mapping[int, PartResult]) -> int:
    """How many events, from the job's first on, are done without a gap."""
    settled = 0
    for portion in portions:
        result = results.get(portion.number)
        if result is None:
            break
        settled += portion.events - result.events_unprocessed - result.events_failed
        if result.errors:
            break
    return settled


def joined_inputs(records: Iterable[InputFileRecord]) -> list[InputFileRecord]:
    """One record for each file, in the order in which files were reached."""
    joined: dict[tuple[str, str], InputFileRecord] = {}
    for record in records:
        key = record.pfn, record.source_class
        before = joined.get(key)
        if before is None:
            joined[key] = record
            continue
        lumis = dict.fromkeys((*before.runs_and_lumis, *record.runs_and_lumis))
        joined[key] = dataclasses.replace(
            before,
            events_read=before.events_read + record.events_read,
            runs_and_lumis=tuple(lumis),
            # Each process looks at the ids before its own events, too.
            duplicates=max(before.duplicates, record.duplicates),
        )
    return list(joined.values())


def written_in_order(
    portions: Sequence[Portion], results: Mapping[int, PartResult], label: str
) -> list[OutputFileRecord]:
    """The parts of an output, up to the first that is incomplete: what one process would have written."""
    records: list[OutputFileRecord] = []
    for portion in portions:
        outputs = results[portion.number].outputs if portion.number in results else ()
        record = next((output for output in outputs if output.label == label), None)
        if record is None:
            break
        records.append(record)
        if not record.complete:
            break
    return records


def error_of(record: ErrorRecord, shell_code: int) -> EventProcError:
    """The error that ended a part, as one of this process, with its code, category and context."""

    class PartError(EventProcError):
        exit_code = record.exit_code
        category = record.category

        @property
        def shell_code(self) -> int:
            return shell_code

    error = PartError(record.message)
    error.context = list(record.context)
    return error
