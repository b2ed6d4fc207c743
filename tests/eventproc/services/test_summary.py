from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from eventproc.errors import CaughtSignal, ExternalFailure, FileOpenError
from eventproc.model.event_id import EventID
from eventproc.model.file_records import OutputFileRecord
from eventproc.services.job_report import JobReport, SkippedEvent
from eventproc.services.summary import (
    event_lines,
    file_lines,
    format_bytes,
    print_fatal,
    print_summary,
    render_fatal,
)

WHEN = datetime(2026, 11, 23, 5, 24, 49, tzinfo=UTC)


def shown(report: JobReport, lines: dict[str, dict[str, str]], report_path: Path | None = None) -> list[str]:
    console = Console(file=io.StringIO(), width=60)
    print_summary(report, lines, report_path, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


def test_the_table_shows_events_and_the_lines_of_services() -> None:
    report = JobReport("TOPTAG", events_read=100, events_written=98, events_failed=2)
    report.finish()
    lines = shown(
        report, {"Quiet": {}, "Inference": {"jets": "84", "latency": "p50 1.2 ms, p95 3 ms, p99 4 ms"}}
    )
    assert lines[0].strip() == "TOPTAG: done"
    cells = {
        cells[1].strip(): cells[2].strip() for cells in (line.split("│") for line in lines if "│" in line)
    }
    assert cells["events read"] == "100"
    assert cells["events written"] == "98"
    assert cells["events failed"] == "2"
    assert cells["latency"] == "p50 1.2 ms, p95 3 ms, p99 4 ms"
    assert "peak memory" in cells["job time"]


def test_a_failed_job_shows_its_exit_code_in_the_title() -> None:
    report = JobReport("TOPTAG")
    report.add_error(FileOpenError("no a.root"))
    report.finish()
    assert shown(report, {})[0].strip() == "TOPTAG: ended with exit code 8020"


def test_square_brackets_are_text_and_not_markup() -> None:
    assert any("[bold]" in line for line in shown(JobReport("P"), {"S": {"server [/x]": "[bold]a"}}))


def test_skipped_and_unprocessed_events_are_shown_only_when_there_are_some() -> None:
    assert set(event_lines(JobReport())) == {"events read", "events written", "events failed"}
    skipped = [SkippedEvent(EventID(1, 1, 1), "EventCorruption")]
    lines = event_lines(JobReport(skipped_events=skipped, events_unprocessed=7))
    assert (lines["events skipped"], lines["events not processed"]) == ("1", "7")


def test_files_stand_on_unbroken_lines_with_what_became_of_them() -> None:
    long_path = "output/" + "a" * 80 + ".root"
    outputs = [
        OutputFileRecord(long_path, "out", "PoolOutputModule", 100, True, 1_234_567),
        OutputFileRecord("o.partial.root", "out2", "PoolOutputModule", 3, False, 900),
        OutputFileRecord("o.root", "out4", "PoolOutputModule", 0, False),
        OutputFileRecord("", "out3", "PoolOutputModule", 0, False),
    ]
    lines = shown(JobReport(outputs=outputs), {}, Path("fjr.xml"))
    assert lines[-4:] == [
        f"wrote: {long_path} (100 events, 1.23 MB)",
        "left incomplete: o.partial.root (3 events, 900 B)",
        "not written: o.root",
        "job report: fjr.xml",
    ]
    assert file_lines(JobReport()) == []


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1 kB"),
        (999_600, "1 MB"),
        (2_340_000_000, "2.34 GB"),
        (10**17, "1e+05 TB"),
    ],
)
def test_sizes_have_three_digits(size_bytes: int, text: str) -> None:
    assert format_bytes(size_bytes) == text


def test_a_fatal_error_is_printed_as_cmsrun_prints_it() -> None:
    error = ExternalFailure("no server answers")
    error.add_context("Calling method for module TopTagger/'topTags'")
    error.add_context("Running path 'p'")
    error.add_context("Processing  Event run: 1 lumi: 1 event: 7 stream: 3")
    assert render_fatal(error, WHEN).splitlines() == [
        "----- Begin Fatal Exception 23-Nov-2026 05:24:49 UTC-----------------------",
        "An exception of category 'ExternalFailure' occurred while",
        "   [0] Processing  Event run: 1 lumi: 1 event: 7 stream: 3",
        "   [1] Running path 'p'",
        "   [2] Calling method for module TopTagger/'topTags'",
        "Exception Message:",
        "no server answers",
        "----- End Fatal Exception -------------------------------------------------",
        "exit code 8036 (ExternalFailure), 100 to the shell",
    ]


def test_a_signal_shows_both_of_its_codes() -> None:
    assert render_fatal(CaughtSignal("stopped by SIGINT", 2), WHEN).endswith(
        "exit code 9000 (CaughtSignal), 130 to the shell"
    )


def test_the_fatal_block_goes_to_standard_error_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    error = FileOpenError("no [red]a.root[/red] :smile: " + "x" * 200)
    print_fatal(error, WHEN)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == render_fatal(error, WHEN) + "\n"


def test_the_fatal_block_carries_no_control_characters_to_the_terminal() -> None:
    assert "\x1b" not in render_fatal(FileOpenError("no \x1b[2Ja.root"), WHEN)
