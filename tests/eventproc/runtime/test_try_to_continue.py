import pytest

from tests.eventproc.runtime.conftest import job, module, path

OUT = module("OutputModule", "Memory", "out")
BAD = module("EDProducer", "Fail", "bad", kind="EventCorruption")
TO_OUT = path("e", "out", kind="EndPath")


def continued(*components, paths, **options):
    return job(*components, paths=paths, skip=["EventCorruption"], **options)


def written(log):
    return [entry[1] for entry in log if entry[0] == "write"]


def add(label, **parameters):
    return module("EDProducer", "AddOne", label, **parameters)


@pytest.mark.parametrize("streams", [1, 3])
def test_modules_that_need_what_failed_do_not_run_and_all_others_do(run, log, streams):
    report = run(
        continued(
            BAD,
            add("needs", input="bad"),
            add("needsIndirectly", input="needs"),
            add("free"),
            paths=[path("p", "bad", "needs"), path("q", "needsIndirectly"), path("r", "free")],
            streams=streams,
        )
    )
    assert report.exit_code == 0, report.errors
    assert [log.count(label) for label in ("needs", "needsIndirectly", "free")] == [2, 2, 3]


def test_what_is_behind_the_failed_module_on_its_path_does_not_run(run, log):
    run(continued(BAD, add("behind"), paths=[path("p", "bad", "behind")]))
    assert log.count("behind") == 2


def test_an_ignored_module_that_fails_ends_its_path_nevertheless(run, log):
    run(continued(BAD, add("behind"), paths=[path("p", "-bad", "behind")]))
    assert log.count("behind") == 2


def test_modules_on_tasks_fail_whoever_asks_for_them_and_nobody_else(run, log):
    report = run(
        continued(
            BAD,
            add("onDemand", input="bad"),
            add("asks", input="onDemand"),
            add("free"),
            paths=[path("p", "asks"), path("q", "free")],
            tasks=["bad", "onDemand"],
        )
    )
    assert report.exit_code == 0, report.errors
    assert [log.count(label) for label in ("onDemand", "asks", "free")] == [2, 2, 3]


def test_external_work_does_not_begin_without_its_input(run, log):
    report = run(
        continued(
            BAD,
            module("EDProducer", "Begin", "external", input="bad"),
            paths=[path("p", "bad"), path("q", "external")],
        )
    )
    assert report.exit_code == 0, report.errors
    assert log.count("external") == 2


def test_an_output_that_keeps_what_was_lost_does_not_get_the_event(run, log):
    report = run(continued(BAD, OUT, paths=[path("p", "bad"), TO_OUT]))
    assert written(log) == [1, 3]
    assert [(s.id.event, s.category) for s in report.skipped_events] == [(2, "EventCorruption")]
    assert report.outputs[0].events_skipped == 1
    assert report.events_read == report.events_written + report.events_skipped


def test_products_of_modules_behind_the_failed_one_are_lost_too(run, log):
    out = module("OutputModule", "Memory", "out", refuse="bad")
    run(continued(BAD, add("behind"), out, paths=[path("p", "bad", "behind"), TO_OUT]))
    assert written(log) == [1, 3]


def test_an_output_that_keeps_nothing_of_what_was_lost_gets_the_event(run, log):
    out = module("OutputModule", "Memory", "out", refuse="bad")
    report = run(continued(BAD, add("free"), out, paths=[path("p", "bad"), path("q", "free"), TO_OUT]))
    assert written(log) == [1, 2, 3]
    assert report.skipped_events == []
    assert report.outputs[0].events_skipped == 0


def test_an_output_that_asks_for_failed_events_gets_them(run, log):
    failed = module("OutputModule", "Memory", "failed", selects=["exception@p"])
    report = run(continued(BAD, failed, paths=[path("p", "bad"), path("e", "failed", kind="EndPath")]))
    assert written(log) == [2]
    assert report.outputs[0].events_not_selected == 2


def test_a_job_without_outputs_reports_the_event(run):
    report = run(continued(BAD, paths=[path("p", "bad")]))
    assert [s.id.event for s in report.skipped_events] == [2]


def test_a_failure_of_another_category_ends_the_job_with_one_path_in_its_context(run):
    report = run(
        continued(
            module("EDProducer", "Fail", "worse", kind="ExternalFailure"),
            paths=[path("p", "worse"), path("q", "worse")],
        )
    )
    assert report.exit_code == 8036
    assert report.errors[0].context == (
        "Processing  Event run: 1 lumi: 1 event: 2 stream: 0",
        "Running path 'p'",
        "Calling method for module Fail/'worse'",
    )


def test_failures_are_told_in_the_log(run, caplog):
    run(continued(BAD, paths=[path("p", "bad")]))
    assert "event: 2" in caplog.text
    assert "EventCorruption: out of cheese; the job goes on" in caplog.text


def test_a_category_that_no_error_has_is_told_with_the_near_one(run, caplog):
    run(job(skip=["EventCorruptoin"]))
    assert "no error is of category 'EventCorruptoin': did you mean 'EventCorruption'" in caplog.text


def test_hooks_see_the_end_of_a_module_and_of_an_event_that_failed(run, log):
    run(continued(module("Service", "Recorder", "Recorder"), BAD, paths=[path("p", "bad")]))
    assert [log.count(("post_module", "bad")), log.count(("post_event", 2))] == [3, 1]
