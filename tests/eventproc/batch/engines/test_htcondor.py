"""Against what HTCondor 23.9.6 printed for five jobs: one ended, one failed, two were too long, one held."""

from pathlib import Path

import pytest

from eventproc.batch.engines.base import EngineState, Errand
from eventproc.batch.engines.conformance import LIMITS, EngineConformance
from eventproc.batch.engines.htcondor import HTCondorEngine, parse_queue, parse_terse
from eventproc.batch.engines.htcondor_log import parse_event_log, parse_history
from eventproc.batch.errors import EngineFailure
from eventproc.errors import ConfigurationError

RECORDINGS = Path(__file__).parent / "recordings"


def recorded(name):
    return (RECORDINGS / name).read_text()


@pytest.mark.requires("htcondor")
class TestHTCondorEngine(EngineConformance):
    patience_s = 100.0

    def make_engine(self, folder, options):
        return HTCondorEngine("demo", folder, options)


def test_states_are_read_from_the_queue():
    assert parse_queue(recorded("htcondor_queue.json")) == {
        "1.0": EngineState.RUNNING,
        "1.2": EngineState.RUNNING,
        "1.3": EngineState.IDLE,
        "1.4": EngineState.IDLE,
    }
    assert parse_queue(recorded("htcondor_queue_held.json")) == {"1.4": EngineState.HELD}
    assert parse_queue("") == {}


def test_the_event_log_tells_why_jobs_are_over():
    said = parse_event_log(recorded("htcondor_events.txt"))
    assert said["1.0"] == "ended with code 0"
    assert said["1.1"] == "ended with code 84"
    assert said["1.2"].startswith("removed: The job attribute PeriodicRemove expression")
    assert said["1.4"] == "removed: via condor_rm (by user grid1)"
    until_held = recorded("htcondor_events.txt").split("009 (001.004")[0]
    assert parse_event_log(until_held)["1.4"].startswith("held: Error from slot1_2@vm: Failed to open")


def test_the_history_tells_the_same():
    log, history = (
        parse_event_log(recorded("htcondor_events.txt")),
        parse_history(recorded("htcondor_history.json")),
    )
    assert history == log
    assert parse_history("") == {}


@pytest.mark.parametrize("text", ["cannot connect", '{"a": 1}', '[{"ClusterId": 1}]', "[3]"])
def test_what_is_no_list_of_jobs_is_no_news_of_them(text):
    for parse in (parse_queue, parse_history):
        with pytest.raises(EngineFailure, match="something else than jobs"):
            parse(text)


def test_numbers_of_submitted_jobs_are_read():
    assert parse_terse("1.0 - 1.4\n") == ("1.0", "1.4")
    with pytest.raises(EngineFailure, match="instead of the numbers"):
        parse_terse("Submitting job(s)...")


@pytest.fixture
def condor_submit(tmp_path, monkeypatch):
    """A stand-in that keeps the submit description and answers like the real one."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = folder / "condor_submit"
    tool.write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/kept.sub\necho "12.0 - 12.2"\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path / "kept.sub"


def errands(n, folder="/tasks/t"):
    return [
        Errand(i, 2, Path(f"{folder}/jobs/{i}/run.sh"), Path(f"{folder}/jobs/{i}/logs/2.txt"), LIMITS)
        for i in range(1, n + 1)
    ]


def test_the_submit_description_names_script_attempt_log_and_limits(tmp_path, condor_submit):
    engine = HTCondorEngine("demo", tmp_path, {"lines": '+Group = "cms"; accounting_group = x'})
    taken = list(engine.submit(errands(3)))
    assert [engine_id for _, engine_id in taken] == ["12.0", "12.1", "12.2"]
    lines = condor_submit.read_text().splitlines()
    for line in (
        "executable = /bin/sh",
        'arguments = "$(Script) $(Attempt)"',
        "request_memory = 100MB",
        "request_cpus = 1",
        'JobBatchName = "eventproc-demo"',
        '+Group = "cms"',
        "accounting_group = x",
        "/tasks/t/jobs/2/run.sh, 2, /tasks/t/jobs/2/logs/2.txt",
    ):
        assert line in lines


def test_a_cluster_of_another_size_is_no_success(tmp_path, condor_submit):
    with pytest.raises(EngineFailure, match=r"took 12\.0 to 12\.2 of 4 jobs"):
        list(HTCondorEngine("demo", tmp_path, {}).submit(errands(4)))


def test_a_path_that_the_description_cannot_hold_is_refused(tmp_path, condor_submit):
    with pytest.raises(ConfigurationError, match="without spaces"):
        list(HTCondorEngine("demo", tmp_path, {}).submit(errands(1, "/my tasks")))
