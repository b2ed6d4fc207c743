import json
import os
from pathlib import Path

import pytest

from eventproc.batch.engines.base import EngineState, Errand
from eventproc.batch.engines.conformance import LIMITS, EngineConformance
from eventproc.batch.engines.slurm import SlurmEngine, parse_squeue
from eventproc.batch.errors import EngineFailure
from eventproc.batch.records import Limits
from eventproc.errors import ConfigurationError


@pytest.mark.requires("slurm")
class TestSlurmEngine(EngineConformance):
    def make_engine(self, folder, options):
        return SlurmEngine("demo", folder, options)


def test_states_are_read_by_array_task():
    lines = ["7_1|RUNNING|None", "7_2|PENDING|Resources", "7_3|PENDING|JobHeldUser", "7_4|COMPLETING|None"]
    assert parse_squeue("\n".join([*lines, "7_5|FAILED|x"])) == {
        "7_1": EngineState.RUNNING,
        "7_2": EngineState.IDLE,
        "7_3": EngineState.HELD,
        "7_4": EngineState.RUNNING,
    }


def test_lines_that_are_no_jobs_are_left_out():
    assert parse_squeue("slurm_load_jobs error: something\n\n") == {}


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """Stand-ins for Slurm's commands: sbatch keeps its words, squeue fails."""
    folder = tmp_path / "bin"
    folder.mkdir()
    kept = tmp_path / "words.json"
    for name, body in {
        "sbatch": f"import sys, json, pathlib; p = pathlib.Path({str(kept)!r})\n"
        "calls = json.loads(p.read_text()) if p.exists() else []\n"
        "p.write_text(json.dumps([*calls, sys.argv[1:]])); print(f'{len(calls) + 1};cluster')",
        "squeue": "import sys; sys.exit('slurm_load_jobs error: Unable to contact slurm controller')",
    }.items():
        (folder / name).write_text(f"#!/usr/bin/env python3\n{body}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return kept


def test_arrays_hold_at_most_a_thousand_tasks_of_the_same_limits(tmp_path, tools):
    engine = SlurmEngine(
        "demo", tmp_path, {"partition": "gpu", "words": "--nice=5 '--comment=a b'", "running": "9"}
    )
    more = Limits(memory_mb=500, wall_time_s=90, cores=2)
    errands = [
        Errand(n, 1, Path(f"/t/{n}/run.sh"), Path(f"/t/{n}/1.txt"), more if n == 7 else LIMITS)
        for n in range(1, 1203)
    ]
    ids = {errand.job: engine_id for errand, engine_id in engine.submit(errands)}
    assert len(set(ids.values())) == 1202
    calls = json.loads(tools.read_text())
    assert [next(w for w in call if "--array" in w) for call in calls] == [
        "--array=1-1000%9",
        "--array=1-201%9",
        "--array=1-1%9",
    ]
    assert {"--mem=500M", "--cpus-per-task=2", "--time=4", "--partition=gpu", "--comment=a b"} <= set(
        calls[2]
    )
    assert {"--requeue", "--open-mode=append"} <= set(calls[2])
    assert ids[7] == "3_1"


def test_a_percent_sign_in_the_path_stands_for_itself(tmp_path, tools):
    folder = tmp_path / "50%j"
    folder.mkdir()
    list(SlurmEngine("demo", folder, {}).submit([Errand(1, 1, Path("/t/run.sh"), Path("/t/1.txt"), LIMITS)]))
    (words,) = json.loads(tools.read_text())
    (script,) = folder.glob("array-*.sh")
    assert f"--output={tmp_path}/50%%j/{script.stem}.txt" in words


def test_a_controller_that_does_not_answer_is_no_news_of_the_jobs(tmp_path, tools):
    with pytest.raises(EngineFailure, match="Unable to contact slurm controller"):
        SlurmEngine("demo", tmp_path, {}).poll(["1_1"])


def test_arrays_are_asked_for_whoever_submitted_them(tmp_path, tools):
    squeue = tmp_path / "bin" / "squeue"
    words = tmp_path / "asked.json"
    squeue.write_text(
        "#!/usr/bin/env python3\nimport sys, json, pathlib\n"
        f"pathlib.Path({str(words)!r}).write_text(json.dumps(sys.argv[1:]))\nprint('7_2|RUNNING|None')\n"
    )
    engine = SlurmEngine("demo", tmp_path, {})
    assert engine.poll(["7_2", "7_3"]) == {"7_2": EngineState.RUNNING}
    # squeue fails when it is asked for one array alone that it does not know any more.
    assert json.loads(words.read_text()) == ["-h", "-r", "-j", "7,7", "-o", "%i|%T|%r"]
    assert SlurmEngine("demo", tmp_path, {}).poll([]) == {}


def test_words_that_no_shell_would_read_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be split as a shell would: No closing quotation"):
        SlurmEngine("demo", tmp_path, {"words": "--comment='a b"})


def test_a_machine_without_slurm_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineFailure, match="'squeue' is not installed here"):
        SlurmEngine("demo", tmp_path, {}).poll(["1_1"])
