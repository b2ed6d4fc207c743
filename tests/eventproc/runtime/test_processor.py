import pytest

from tests.eventproc.runtime.conftest import job, module, path, with_source
from tests.eventproc.runtime.modules import LastFirst

OUT = module("OutputModule", "Memory", "out")


def written(log):
    return [entry[1] for entry in log if entry[0] == "write"]


def test_a_chain_of_modules_runs_in_path_order_on_each_event(run, log):
    report = run(
        job(
            module("EDProducer", "AddOne", "first"),
            module("EDProducer", "AddOne", "second", input="first"),
            module("EDAnalyzer", "Expect", "check", input="second", difference=2),
            paths=[path("p", "first", "second", "check")],
        )
    )
    assert report.exit_code == 0, report.errors
    assert [e for e in log if e in ("first", "second", "check")] == ["first", "second", "check"] * 3


def test_a_module_on_two_paths_runs_once(run, log):
    report = run(
        job(module("EDProducer", "AddOne", "a"), paths=[path("p", "a"), path("q", "a")], max_events=1)
    )
    assert report.exit_code == 0
    assert log.count("a") == 1


def test_a_filter_stops_its_path_and_no_other(run, log):
    run(
        job(
            module("EDFilter", "OddFilter", "odd"),
            module("EDProducer", "AddOne", "a"),
            module("EDProducer", "AddOne", "b"),
            module("EDProducer", "AddOne", "c"),
            paths=[path("p", "odd", "a"), path("q", "~odd", "b"), path("r", "-odd", "c")],
        )
    )
    assert (log.count("a"), log.count("b"), log.count("c")) == (2, 1, 3)


def test_a_module_on_a_task_runs_only_for_who_consumes_it(run, log):
    report = run(
        job(
            module("EDProducer", "AddOne", "wanted"),
            module("EDProducer", "AddOne", "unwanted"),
            module("EDAnalyzer", "Expect", "check", input="wanted", difference=1),
            paths=[path("p", "check")],
            tasks=["wanted", "unwanted"],
        )
    )
    assert report.exit_code == 0, report.errors
    assert log.count("wanted") == 3
    assert "unwanted" not in log


def test_the_latest_process_of_the_input_is_meant_unless_one_is_named(run):
    report = run(
        job(
            module("EDAnalyzer", "Expect", "late", input="counter"),
            module("EDAnalyzer", "Expect", "early", input="counter::EARLY", factor=-1),
            paths=[path("p", "late", "early")],
        )
    )
    assert report.exit_code == 0, report.errors


def test_output_keeps_input_order_when_events_finish_in_another(run, log):
    report = run(
        with_source(
            job(
                module("EDProducer", "LastFirst", "wait"),
                OUT,
                paths=[path("p", "wait"), path("e", "out", kind="EndPath")],
                streams=4,
            ),
            n=8,
        )
    )
    assert report.exit_code == 0, report.errors
    finished = [entry[1] for entry in log if entry[0] == "acquired"]
    assert finished[:4] == [4, 3, 2, 1]
    assert written(log) == list(range(1, 9))
    assert LastFirst.gate.most_waiting == 4


def test_external_work_of_two_paths_overlaps_within_an_event(run):
    report = run(
        job(
            module("EDProducer", "WaitForEachOther", "a"),
            module("EDProducer", "WaitForEachOther", "b"),
            paths=[path("p", "a"), path("q", "b")],
            max_events=1,
        )
    )
    assert report.exit_code == 0, report.errors


def test_an_output_module_gets_the_branches_it_selected(run, log):
    run(
        job(
            module("EDProducer", "AddOne", "a"),
            module("OutputModule", "Memory", "out", refuse="counter"),
            paths=[path("p", "a"), path("e", "out", kind="EndPath")],
            max_events=1,
        )
    )
    assert ("open", ("Number_a__TEST", "TriggerResults_TriggerResults__TEST")) in log
    assert ("write", 1, {"a@TEST": 2}) in log


def test_a_product_of_the_input_that_no_module_names_is_still_written(run, log):
    run(job(OUT, paths=[path("e", "out", kind="EndPath")], max_events=1))
    assert ("write", 1, {"counter@LATE": 1, "counter@EARLY": -1}) in log


def test_max_events_bounds_what_is_read(run):
    assert run(job(max_events=2)).events_read == 2
    assert run(job(max_events=0)).events_read == 0
    assert run(job()).events_read == 3


def test_hooks_come_in_order_and_services_stop_after_outputs_closed(run, log):
    report = run(
        job(
            module("Service", "Recorder", "Recorder"),
            module("Service", "Lonely", "Lonely"),
            module("EDProducer", "UsesRecorder", "a"),
            OUT,
            paths=[path("p", "a"), path("e", "out", kind="EndPath")],
            max_events=1,
        )
    )
    assert report.exit_code == 0, report.errors
    del log[0]  # the output's branches
    assert log == [
        "start",
        ("begin_job", 1),
        ("pre_event", 1),
        ("pre_module", "a"),
        "used",
        ("post_module", "a"),
        ("post_event", 1),
        ("write", 1, {"counter@LATE": 1, "counter@EARLY": -1}),
        "end_job",
        "close",
        "stop",
        "source closed",
    ]
    assert report.services["Recorder"]["hooks"] > 0


@pytest.mark.parametrize(
    ("kind", "code"),
    [("ValueError", 8002), ("MemoryError", 8004), ("EventCorruption", 8016), ("ExternalFailure", 8036)],
)
def test_a_failing_module_ends_the_job_with_the_code_of_its_error(run, log, kind, code):
    report = run(
        job(
            module("EDProducer", "Fail", "bad", kind=kind),
            OUT,
            paths=[path("p", "bad"), path("e", "out", kind="EndPath")],
        )
    )
    assert report.exit_code == code
    assert report.errors[0].context == (
        "Processing  Event run: 1 lumi: 1 event: 2 stream: 0",
        "Running path 'p'",
        "Calling method for module Fail/'bad'",
    )
    assert "close" not in log
    assert ("abandon", False) in log
    assert (report.events_read, report.events_written, report.events_failed) == (2, 0, 1)
    assert report.events_unprocessed == 1


def test_try_to_continue_skips_the_event_and_names_it(run, log):
    report = run(
        job(
            module("EDProducer", "Fail", "bad", kind="EventCorruption"),
            OUT,
            paths=[path("p", "bad"), path("e", "out", kind="EndPath")],
            skip=["EventCorruption"],
        )
    )
    assert report.exit_code == 0
    assert written(log) == [1, 3]
    assert [(s.id.event, s.category) for s in report.skipped_events] == [(2, "EventCorruption")]
    assert report.events_unprocessed == 0


def test_a_product_that_was_promised_and_not_put_is_product_not_found(run):
    report = run(
        job(
            module("EDProducer", "Forgetful", "a"),
            module("EDProducer", "AddOne", "b", input="a"),
            paths=[path("p", "a", "b")],
        )
    )
    assert report.exit_code == 8006
    assert "'a'" in report.errors[0].message


def test_a_source_that_breaks_in_the_middle_ends_the_job_without_output(run, log):
    report = run(with_source(job(OUT, paths=[path("e", "out", kind="EndPath")]), failAt=3))
    assert report.exit_code == 8021
    assert "close" not in log
    assert log[-1] == "source closed"


def test_a_disk_that_is_full_ends_the_job(run, log):
    report = run(
        job(module("OutputModule", "Memory", "out", failAt=2), paths=[path("e", "out", kind="EndPath")])
    )
    assert report.exit_code == 8033
    assert report.errors[0].context[-1] == "Calling method for module Memory/'out'"
    assert ("abandon", False) in log


def test_a_service_that_cannot_start_ends_the_job_before_the_first_event(run, log):
    report = run(job(module("Service", "Recorder", "Recorder", failStart=True)))
    assert report.exit_code == 8036
    assert report.events_read == 0
    assert log == ["start", "stop", "source closed"]
