import dataclasses

import pytest

from eventproc.model.descriptions import ComponentDescription
from tests.eventproc.runtime.conftest import job, module, path

OUT = module("OutputModule", "Memory", "out")


def numbered(description, n, **numbering):
    """The job over n events in runs and luminosity blocks."""
    source = ComponentDescription("Source", "EmptySource", "source", numbering)
    return dataclasses.replace(description, source=source, max_events=n)


def transit(*others, paths=(), streams=1, **parameters):
    return job(
        module("EDProducer", "Transit", "t", **parameters),
        *others,
        paths=[path("p", "t"), *paths],
        streams=streams,
    )


def test_transitions_come_in_the_order_of_cmsrun(run, log):
    run(numbered(transit(), 3, numberEventsInLuminosityBlock=2))
    assert log == [
        ("begin_job",), ("begin_stream", 0),
        ("begin_run", 1), ("begin_lumi", 1, 1), ("event", 1), ("event", 2), ("end_lumi", 1, 1),
        ("begin_lumi", 1, 2), ("event", 3), ("end_lumi", 1, 2), ("end_run", 1),
        ("end_stream", 0), ("end_job",),
    ]  # fmt: skip


@pytest.mark.parametrize("streams", [2, 5, 8])
def test_with_many_streams_every_event_is_between_begin_and_end_of_its_lumi_and_run(run, log, streams):
    report = run(
        numbered(transit(streams=streams), 60, numberEventsInRun=20, numberEventsInLuminosityBlock=6)
    )
    assert report.exit_code == 0, report.errors
    open_run = open_lumi = None
    events, out_of_order = [], 0
    for what, *numbers in log:
        match what:
            case "begin_run":
                assert open_run is None
                (open_run,) = numbers
            case "begin_lumi":
                assert open_lumi is None
                assert numbers[0] == open_run
                open_lumi = tuple(numbers)
            case "event":
                run_number, in_run = open_run, numbers[0] - 1
                assert open_lumi == (run_number, 1 + in_run // 6)
                out_of_order += bool(events) and events[-1] > (run_number, in_run)
                events.append((run_number, in_run))
            case "end_lumi":
                assert open_lumi == tuple(numbers)
                open_lumi = None
            case "end_run":
                assert open_lumi is None
                assert [open_run] == numbers
                open_run = None
    assert sorted(events) == [(run_number, n) for run_number in (1, 2, 3) for n in range(20)]
    assert out_of_order, "the events were not in flight together, which this test is about"
    assert [entry for entry in log if "stream" in entry[0]] == [
        *(("begin_stream", n) for n in range(streams)),
        *(("end_stream", n) for n in range(streams)),
    ]


def test_events_are_written_before_their_luminosity_block_ends(run, log):
    end = path("e", "out", kind="EndPath")
    run(numbered(transit(OUT, paths=[end], streams=3), 6, numberEventsInLuminosityBlock=3))
    done = [entry[:2] for entry in log if entry[0] in ("write", "end_lumi")]
    assert done == [
        *(("write", n) for n in (1, 2, 3)), ("end_lumi", 1),
        *(("write", n) for n in (4, 5, 6)), ("end_lumi", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "doing", "read"),
    [
        ("begin_job", "Calling beginJob", 0),
        ("begin_stream", "Processing begin Stream 0", 0),
        ("begin_run", "Processing begin Run run: 1", 0),
        ("begin_lumi", "Processing begin LuminosityBlock run: 1 luminosityBlock: 1", 0),
        ("end_lumi", "Processing end LuminosityBlock run: 1 luminosityBlock: 1", 2),
        ("end_run", "Processing end Run run: 1", 2),
        ("end_stream", "Processing end Stream 0", 2),
        ("end_job", "Calling endJob", 2),
    ],
)
def test_a_transition_that_fails_ends_the_job_and_is_in_the_context(run, log, where, doing, read):
    report = run(numbered(transit(failAt=where), 2))
    assert report.exit_code == 8002
    assert report.errors[0].context == (doing, "Calling method for module Transit/'t'")
    assert report.events_read == read
    assert log[-1][0] == where


def test_a_failed_event_ends_its_run_without_end_transitions(run, log):
    run(numbered(transit(module("EDProducer", "Raise", "bad"), paths=[path("q", "bad")]), 3))
    assert not any(entry[0].startswith("end") for entry in log)
