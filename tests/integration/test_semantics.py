"""What cmsRun users rely on: one small job file for each behaviour, its expectation written in it."""

import ast
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eventproc.cli.main import application
from tests.integration import modules
from tests.integration.conftest import Finished

CONFIGS = Path(__file__).with_name("configs")

ALONE = (
    "filters_stop_their_path",
    "a_module_runs_once",
    "tasks_run_on_demand",
    "external_work_overlaps",
    "trigger_results",
    "select_events",
    "try_to_continue",
)


def expected(config):
    """The literal that a job file assigns to EXPECTED."""
    for statement in ast.parse(config.read_text()).body:
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "EXPECTED":
            return ast.literal_eval(statement.value)
    raise AssertionError(f"{config} expects nothing")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a job file by the command, in this process, and compares what it expects."""
    monkeypatch.chdir(tmp_path)

    def run_job(name, *words):
        config = CONFIGS / f"{name}_cfg.py"
        modules.CALLS.clear()
        result = CliRunner().invoke(application, ["run", str(config), *words])
        done = Finished(result.exit_code, result.stdout, result.stderr, Path(os.curdir))
        assert result.exit_code == expected(config)["exit_code"] & 0xFF, done.err
        compare(done.report, expected(config), done.err)
        return done

    return run_job


def compare(report, wanted, err):
    found = {name: report[name] for name in wanted}
    if "outputs" in wanted:
        records = {record["label"]: record for record in report["outputs"]}
        assert records.keys() == wanted["outputs"].keys()
        found["outputs"] = {
            label: {name: records[label][name] for name in values}
            for label, values in wanted["outputs"].items()
        }
    if "skipped_events" in wanted:
        found["skipped_events"] = [event["id"]["event"] for event in report["skipped_events"]]
    assert found == wanted, err


@pytest.mark.parametrize("streams", [1, 3])
@pytest.mark.parametrize("name", ALONE)
def test_a_job_behaves_as_it_says(run, name, streams):
    run(name, "--streams", str(streams))


def test_an_input_tag_means_the_latest_process_unless_it_names_one(run):
    for name in ("first_process", "second_process", "third_process"):
        run(name)


def test_every_job_file_is_run_by_a_test():
    here = Path(__file__).read_text()
    assert [name for config in CONFIGS.glob("*_cfg.py") if (name := config.stem[:-4]) not in here] == []
