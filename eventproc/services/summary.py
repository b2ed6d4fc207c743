"""The last words of a job on the screen: the summary table, and the block cmsRun prints for an error."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from eventproc.errors import EventProcError
from eventproc.model.file_records import OutputFileRecord
from eventproc.services.job_report import ErrorRecord, JobReport
from eventproc.services.plain_values import printable

_UNITS = ("B", "kB", "MB", "GB", "TB")


def render_summary(report: JobReport, lines: Mapping[str, Mapping[str, str]]) -> RenderableType:
    """The table at the end of a job.

    Args:
        report: the finished report.
        lines: each service's ``summary()``, by name of the service, in the order to show them.
    """
    table = Table(title=_title(report), title_justify="left", show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    for group in (event_lines(report), *lines.values()):
        for name, value in group.items():
            table.add_row(Text(name), Text(value))
        table.add_section()
    return table


def _title(report: JobReport) -> Text:
    how = "done" if report.succeeded else f"ended with exit code {report.exit_code}"
    return Text(f"{report.process or 'job'}: {how}")


def event_lines(report: JobReport) -> dict[str, str]:
    """The rows of the table that the report itself gives: events and times."""
    rows = {
        "events read": str(report.events_read),
        "events written": str(report.events_written),
        "events failed": str(report.events_failed),
    }
    if report.skipped_events:
        rows["events skipped"] = str(report.events_skipped)
    if report.events_unprocessed:
        rows["events not processed"] = str(report.events_unprocessed)
    if report.timing:
        rows["job time"] = (
            f"{report.timing['TotalJobTime']:.1f} s, CPU {report.timing['TotalJobCPU']:.1f} s, "
            f"peak memory {report.memory['PeakValueRss']:.0f} MB"
        )
    return rows


def file_lines(report: JobReport, report_path: Path | None = None) -> list[str]:
    """One line for each file the job left, for the screen."""
    lines = [_output_line(record) for record in report.outputs if record.pfn]
    return lines if report_path is None else [*lines, f"job report: {printable(str(report_path))}"]


def _output_line(record: OutputFileRecord) -> str:
    size = f", {format_bytes(record.size_bytes)}" if record.size_bytes else ""
    what = f" ({record.events} events{size})" if size or record.complete else ""
    return f"{record.outcome}: {printable(record.pfn)}{what}"


def format_bytes(size_bytes: int) -> str:
    """A size for people: ``1.2 MB``, in powers of 1000."""
    size, unit = float(size_bytes), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size_bytes} B" if unit == 0 else f"{size:.3g} {_UNITS[unit]}"


def render_fatal(error: EventProcError, when: datetime | None = None) -> str:
    """The block that cmsRun prints for an error that ends a job, with the exit code after it.

    Args:
        error: what ended the job, with its context.
        when: shown in the first line; now when not given.
    """
    time = (when or datetime.now(UTC)).astimezone(UTC)
    lines = [
        f"----- Begin Fatal Exception {time:%d-%b-%Y %H:%M:%S} UTC-----------------------",
        ErrorRecord.of(error).explanation(),
        "----- End Fatal Exception -------------------------------------------------",
        f"exit code {error.exit_code} ({error.category}), {error.shell_code} to the shell",
    ]
    return printable("\n".join(lines))


def print_summary(
    report: JobReport,
    lines: Mapping[str, Mapping[str, str]],
    report_path: Path | None = None,
    console: Console | None = None,
) -> None:
    """Prints the table and one line for each file, on standard output unless a console is given."""
    console = console or Console()
    console.print(render_summary(report, lines))
    for line in file_lines(report, report_path):
        # A path broken over two lines can be neither copied nor found by grep.
        console.print(Text(line), soft_wrap=True)


def print_fatal(error: EventProcError, when: datetime | None = None) -> None:
    """Prints `render_fatal` on standard error."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    console.print(render_fatal(error, when), soft_wrap=True)
