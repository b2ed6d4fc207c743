from __future__ import annotations

import signal
import time

from eventproc.errors import CaughtSignal, FileOpenError, FileWriteError, ProductNotFound
from eventproc.model.event_id import EventID
from eventproc.services.job_report import ErrorRecord, JobReport, SkippedEvent


def test_a_report_says_unexpected_termination_until_the_job_ends() -> None:
    report = JobReport("TOPTAG")
    assert (report.exit_code, report.shell_code, report.succeeded) == (8901, 197, False)
    assert [error.category for error in report.stated_errors()] == ["UnexpectedJobTermination"]
    report.finish()
    assert (report.exit_code, report.shell_code, report.succeeded) == (0, 0, True)
    assert report.stated_errors() == ()


def test_the_first_error_decides_the_exit_code_and_all_are_kept() -> None:
    report = JobReport()
    errors = (FileOpenError("no a.root"), FileWriteError("disk full"))
    for error in errors:
        report.add_error(error)
    report.finish()
    assert (report.exit_code, report.shell_code) == (8020, 84)
    assert report.causes == errors
    assert [stated.exit_code for stated in report.stated_errors()] == [8020, 8033]


def test_a_signal_is_named_and_seen_by_the_shell_as_death_by_it() -> None:
    report = JobReport()
    report.add_error(CaughtSignal("stopped", signal.SIGTERM))
    report.finish()
    assert (report.exit_code, report.shell_code, report.signal_name) == (9000, 143, "SIGTERM")


def test_a_signal_without_a_name_is_numbered() -> None:
    report = JobReport()
    report.add_error(CaughtSignal("stopped", int(signal.SIGRTMIN) + 1))
    assert report.signal_name == f"signal {int(signal.SIGRTMIN) + 1}"


def test_a_signal_after_an_error_does_not_take_its_place() -> None:
    report = JobReport()
    report.add_error(FileOpenError("no a.root"))
    report.add_error(CaughtSignal("stopped", signal.SIGINT))
    assert (report.exit_code, report.signal_name) == (8020, "")


def test_the_end_brings_times_and_memory_of_the_job() -> None:
    report = JobReport()
    began = time.process_time()
    while time.process_time() - began < 0.02:
        pass
    report.finish()
    assert report.timing["TotalJobTime"] >= report.timing["TotalJobCPU"] * 0.5 > 0.005
    assert 10 < report.memory["PeakValueRss"] <= report.memory["PeakValueVsize"]
    assert report.started < report.ended


def test_skipped_events_are_counted() -> None:
    report = JobReport(skipped_events=[SkippedEvent(EventID(1, 2, 3), "ProductNotFound")])
    assert report.events_skipped == 1


def test_an_error_is_explained_as_cmsrun_does() -> None:
    error = ProductNotFound("no such product")
    error.add_context("Running path 'p'")
    error.add_context("Processing  Event run: 1 lumi: 1 event: 1 stream: 0")
    assert ErrorRecord.of(error).explanation() == (
        "An exception of category 'ProductNotFound' occurred while\n"
        "   [0] Processing  Event run: 1 lumi: 1 event: 1 stream: 0\n"
        "   [1] Running path 'p'\n"
        "Exception Message:\n"
        "no such product"
    )


def test_an_error_without_context_is_explained_without_steps() -> None:
    assert ErrorRecord.of(FileOpenError("no a.root")).explanation() == (
        "An exception of category 'FileOpenError' occurred.\nException Message:\nno a.root"
    )
