import pytest

from eventproc.model.descriptions import ComponentDescription, ProcessDescription, ProcessOptions
from eventproc.runtime.division import Portion, divide, part_description, process_count


def ranges(portions):
    return [(portion.first_event, portion.events) for portion in portions]


@pytest.mark.parametrize(
    ("events", "processes", "expected"),
    [
        (10, 2, [(0, 5), (5, 5)]),
        (11, 3, [(0, 4), (4, 4), (8, 3)]),
        (2, 4, [(0, 1), (1, 1)]),
        (0, 4, [(0, 0)]),
    ],
)
def test_ranges_are_consecutive_and_hold_every_event_once(events, processes, expected):
    assert ranges(divide(events, ProcessOptions(), processes)) == expected


@pytest.mark.parametrize(
    ("cuts", "expected"),
    [
        ([0, 3, 8], [(0, 3), (3, 7)]),
        ([0, 9], [(0, 9), (9, 1)]),
        ([0], [(0, 10)]),
        ([], [(0, 10)]),
    ],
)
def test_ranges_begin_only_where_they_may(cuts, expected):
    assert ranges(divide(10, ProcessOptions(), 2, cuts)) == expected


def test_streams_of_the_job_are_shared_out_and_every_process_has_one():
    some = divide(100, ProcessOptions(numberOfStreams=5), 2)
    assert [(p.first_stream, p.streams) for p in some] == [(0, 3), (3, 2)]
    few = divide(100, ProcessOptions(numberOfStreams=0), 3)
    assert [(p.first_stream, p.streams) for p in few] == [(0, 1), (1, 1), (2, 1)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (ProcessOptions(), 1),
        (ProcessOptions(numberOfThreads=4), 4),
        (ProcessOptions(numberOfThreads=0), 6),
        (ProcessOptions(numberOfThreads=4, numberOfProcesses=2), 2),
    ],
)
def test_threads_are_a_familiar_name_for_processes_and_none_means_every_core(options, expected):
    assert process_count(options, cores=6) == expected


def test_a_part_reads_its_range_and_keeps_the_id_of_the_job():
    job = ProcessDescription(
        "TEST",
        ComponentDescription("Source", "PoolSource", "source", {"skipEvents": 3}, ("skipEvents",)),
        (ComponentDescription("OutputModule", "Out", "out", {"fileName": "a", "n": 1}, ("fileName",)),),
        options=ProcessOptions(numberOfProcesses=2, numberOfStreams=4, wantSummary=True),
    )
    part = part_description(job, Portion(1, 50, 25, 2, 2), "skipEvents", {"out": {"fileName": "b"}})
    assert part.source.parameters == {"skipEvents": 53}
    assert part.max_events == 25
    assert part.modules[0].parameters == {"fileName": "b", "n": 1}
    assert part.options == ProcessOptions(numberOfProcesses=1, numberOfStreams=2)
    assert part.id == job.id
