import dataclasses

import pytest

from tests.eventproc.runtime.conftest import job, module, path


def limited(*, limit_s=0.05, skip=(), **parameters):
    description = job(
        module("EDProducer", "Lost", "lost", **parameters), paths=[path("p", "lost")], skip=skip
    )
    options = dataclasses.replace(description.options, externalWorkTimeout=limit_s)
    return dataclasses.replace(description, options=options)


@pytest.mark.timeout(20)
def test_work_that_never_comes_back_fails_its_event(run):
    report = run(limited())
    assert report.exit_code == 8015
    assert "within process.options.externalWorkTimeout = 0.05 s" in report.errors[0].message
    assert report.errors[0].context[1:] == ("Running path 'p'", "Calling method for module Lost/'lost'")


@pytest.mark.timeout(20)
def test_the_job_may_go_on_without_the_event(run):
    report = run(limited(skip=["EventTimeout"]))
    assert report.exit_code == 0
    assert [(s.id.event, s.category) for s in report.skipped_events] == [(2, "EventTimeout")]


def test_work_that_gives_up_by_itself_is_a_failure_of_its_own(run):
    report = run(limited(at=0, givesUpAt=2, limit_s=60.0))
    assert report.exit_code == 8002
    assert report.errors[0].message == "TimeoutError: gave up"
