"""What a notebook shows of a job report: how the job ended, its events, files, errors and services."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventproc.html_table import html_fold, html_table, html_title

if TYPE_CHECKING:
    from eventproc.services.job_report import JobReport


def render_report(report: JobReport) -> str:
    """The report as HTML."""
    how = "done" if report.succeeded else f"exit code {report.exit_code}"
    parts = [html_title(f"{report.process or 'job'}: {how}"), html_table(_counts(report))]
    files = [("read", record.pfn, record.events_read) for record in report.inputs]
    files += [(record.outcome, record.pfn, record.events) for record in report.outputs]
    if files:
        parts.append(html_table(files, ["", "file", "events"]))
    parts += [html_title(f"{e.category} ({e.exit_code})", e.message) for e in report.stated_errors()]
    parts += [
        html_fold(name, html_table([(key, _text(value)) for key, value in said.items()]))
        for name, said in report.services.items()
        if said
    ]
    return "".join(parts)


def _counts(report: JobReport) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("events read", report.events_read),
        ("events written", report.events_written),
        ("events failed", report.events_failed),
    ]
    if report.skipped_events:
        rows.append(("events skipped", report.events_skipped))
    if report.timing:
        rows.append(("job time", f"{report.timing['TotalJobTime']:.1f} s"))
        rows.append(("CPU time", f"{report.timing['TotalJobCPU']:.1f} s"))
    if report.memory:
        rows.append(("peak memory", f"{report.memory['PeakValueRss']:.0f} MB"))
    return rows


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, default=str)
