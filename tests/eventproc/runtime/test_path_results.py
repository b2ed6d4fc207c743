import pytest

from eventproc.errors import ConfigurationError
from eventproc.runtime.builder import build
from tests.eventproc.runtime.conftest import job, module, path

ODD = module("EDFilter", "OddFilter", "odd")
PASS, FAIL, EXCEPTION = 1, 2, 3


def output(label="out", *expressions):
    return module("OutputModule", "Memory", label, selects=list(expressions))


def ended(*labels):
    return path("e", *labels, kind="EndPath")


def written(log):
    return [entry[1] for entry in log if entry[0] == "write"]


def test_results_tell_state_and_deciding_module_of_each_path(run, log):
    report = run(
        job(
            ODD,
            module("EDProducer", "AddOne", "a"),
            module("EDProducer", "Fail", "bad", at=3, kind="EventCorruption"),
            module("EDAnalyzer", "NoteResults", "note"),
            paths=[path("p", "a", "odd", "bad"), path("q", "a"), path("none"), ended("note")],
            skip=["EventCorruption"],
        )
    )
    assert report.exit_code == 0, report.errors
    assert [entry for entry in log if entry[0] == "results"] == [
        ("results", ["p", "q", "none"], [PASS, PASS, PASS], [2, 0, 0]),
        ("results", ["p", "q", "none"], [FAIL, PASS, PASS], [1, 0, 0]),
        ("results", ["p", "q", "none"], [EXCEPTION, PASS, PASS], [2, 0, 0]),
    ]


def test_a_module_on_a_later_path_may_ask_for_the_status_of_one_before(run, log):
    report = run(
        job(
            ODD,
            module("EDAnalyzer", "NoteStatus", "note", path="p"),
            paths=[path("p", "odd"), path("q", "note")],
        )
    )
    assert report.exit_code == 0, report.errors
    assert [entry for entry in log if entry[0] == "status"] == [
        ("status", PASS), ("status", FAIL), ("status", PASS),
    ]  # fmt: skip


@pytest.mark.parametrize("streams", [1, 4])
def test_outputs_get_the_events_they_select(run, log, streams):
    report = run(
        job(
            ODD,
            output("odds", "p"),
            output("evens", "!p"),
            paths=[path("p", "odd"), ended("odds", "evens")],
            streams=streams,
        )
    )
    counts = {record.label: (record.events, record.events_not_selected) for record in report.outputs}
    assert counts == {"odds": (2, 1), "evens": (1, 2)}


def test_a_status_is_no_product_that_files_keep(run, log):
    run(job(ODD, output(), paths=[path("p", "odd"), ended("out")], max_events=1))
    assert not any("PathStatus" in name for name in log[0][1])


def problem(*components, paths):
    with pytest.raises(ConfigurationError) as raised:
        build(job(*components, paths=paths))
    return str(raised.value)


def test_a_selection_in_a_process_without_paths_is_an_error():
    assert "'p': this process has no Path" in problem(output("out", "p"), paths=[ended("out")])


def test_a_selection_by_a_process_that_is_not_in_the_input_is_an_error():
    text = problem(ODD, output("out", "p:HLT"), paths=[path("p", "odd"), ended("out")])
    assert "'TriggerResults::HLT', which nobody makes" in text


def test_a_module_on_a_path_cannot_know_the_results_of_its_own_process():
    text = problem(
        ODD, module("EDAnalyzer", "NoteResults", "note"), paths=[path("p", "odd"), path("q", "note")]
    )
    assert "known when all paths are done: put it on an EndPath" in text
