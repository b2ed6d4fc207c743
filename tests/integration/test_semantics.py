"""What cmsRun users rely on: one small job file for each behaviour, its expectation written in it."""

import json
import shutil
from collections import Counter

import pytest
import uproot

from tests.integration.conftest import SMALL_JOBS

ALONE = (
    "filters_stop_their_path",
    "a_module_runs_once",
    "tasks_run_on_demand",
    "external_work_overlaps",
    "external_work_on_tasks_overlaps",
    "trigger_results",
    "select_events",
    "try_to_continue",
    "runs_and_lumis",
    "cmssw_words",
    "source_selection",
)


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("name", ALONE)
def test_a_job_behaves_as_it_says(run, name, streams):
    run(name, "--streams", str(streams))


@pytest.mark.parametrize("streams", [1, 3])
def test_no_filter_decides_on_an_end_path_and_the_log_says_so(run, streams):
    told = run("end_paths_ignore_filters", "--streams", str(streams)).err
    assert told.count("EndPath: what filter 'even' on end path 'e' decides is ignored") == 2


def test_an_output_has_the_modules_run_whose_products_it_keeps(run):
    run("outputs_ask_tasks")
    with uproot.open("even.root") as file:
        assert file["Events/event"].array().tolist() == [2]
        assert file["Events/second_value"].array().tolist() == [4]


def test_a_failure_of_a_module_that_an_output_asks_for_ends_the_job_and_says_who_asked(run):
    assert "[1] Prefetching for output module 'out'" in run("output_asks_in_vain").err


def test_an_input_tag_means_the_latest_process_unless_it_names_one(run):
    for name in ("first_process", "second_process", "third_process"):
        run(name)


@pytest.mark.parametrize("processes", [1, 2])
def test_events_that_came_before_are_not_among_those_left_to_do(run, processes):
    run("first_process")
    shutil.copy("first.root", "again.root")
    run("duplicates_left_out", "-n", processes)


def test_the_summary_is_that_of_cmsrun(run):
    lines = [" ".join(line.split()) for line in run("want_summary").err.splitlines()]
    at = lines.index("TrigReport ---------- Event Summary ------------")
    assert [line for line in lines[at:] if line.startswith("TrigReport")] == [
        "TrigReport ---------- Event Summary ------------",
        "TrigReport Events total = 6 passed = 3 failed = 3",
        "TrigReport",
        "TrigReport ---------- Path Summary ------------",
        "TrigReport Trig Bit# Executed Passed Failed Error Name",
        "TrigReport 1 0 6 2 3 1 p",
        "TrigReport 1 1 6 3 3 0 q",
        "TrigReport",
        "TrigReport -------End-Path Summary ------------",
        "TrigReport Trig Bit# Executed Passed Failed Error Name",
        "TrigReport 0 0 6 6 0 0 e",
        "TrigReport",
        "TrigReport ---------- Modules in Path: p ------------",
        "TrigReport Trig Bit# Visited Passed Failed Error Name",
        "TrigReport 1 0 6 3 3 0 even",
        "TrigReport 1 0 3 2 0 1 bad",
        "TrigReport",
        "TrigReport ---------- Modules in Path: q ------------",
        "TrigReport Trig Bit# Visited Passed Failed Error Name",
        "TrigReport 1 1 6 3 3 0 even",
        "TrigReport 1 1 3 3 0 0 asks",
        "TrigReport",
        "TrigReport ---------- Modules in End-Path: e ------------",
        "TrigReport Trig Bit# Visited Passed Failed Error Name",
        "TrigReport 0 0 6 6 0 0 note",
        "TrigReport",
        "TrigReport ---------- Module Summary ------------",
        "TrigReport Visited Executed Passed Failed Error Name",
        "TrigReport 12 6 3 3 0 even",
        "TrigReport 3 3 2 0 1 bad",
        "TrigReport 3 3 3 0 0 onDemand",
        "TrigReport 3 3 3 0 0 asks",
        "TrigReport 6 6 6 0 0 note",
    ]
    times = [line.split() for line in lines if line.startswith("TimeReport")]
    assert ["TimeReport", "per", "event", "per", "exec", "per", "visit", "Name"] in times
    assert [words[-1] for words in times[-5:]] == ["even", "bad", "onDemand", "asks", "note"]
    assert all(float(word) > 0 for words in times[-5:] for word in words[1:-1])


def test_a_trace_shows_streams_modules_and_work_under_way_elsewhere(run, tmp_path):
    assert "trace.json" in run("trace").out
    records = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    names = [r["args"]["name"] for r in records if r["name"] == "thread_name"]
    assert names == ["stream 0", "stream 1", "stream 2"]
    slices = Counter((r["cat"], r["name"]) for r in records if r["ph"] == "X")
    assert slices == {("event", "event"): 6, ("module", "a"): 6, ("module", "b"): 6, ("module", "note"): 6}
    under_way = most = 0
    for record in sorted((r for r in records if r["ph"] in "be"), key=lambda r: r["ts"]):
        under_way += 1 if record["ph"] == "b" else -1
        most = max(most, under_way)
    assert under_way == 0
    assert most >= 2  # the two modules of one event wait for each other


def test_random_numbers_do_not_depend_on_streams(run, tmp_path):
    columns = []
    for streams in (1, 4):
        run("random_numbers", "--streams", streams)
        with uproot.open(tmp_path / "random.root") as file:
            columns.append(file["Events"].arrays(["event", "one_value", "other_value"], library="np"))
    single, several = columns
    assert single["event"].tolist() == several["event"].tolist() == list(range(1, 21))
    for name in ("one_value", "other_value"):
        assert single[name].tolist() == several[name].tolist()
    assert len({*single["one_value"], *single["other_value"]}) == 40


def test_every_job_file_is_run_by_a_test():
    tests = "".join(path.read_text() for path in SMALL_JOBS.parent.glob("test_*.py"))
    assert [name for config in SMALL_JOBS.glob("*_cfg.py") if (name := config.stem[:-4]) not in tests] == []
