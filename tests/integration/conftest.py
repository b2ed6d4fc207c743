"""Runs jobs as users do: through the real command line, in a folder of their own."""

import ast
import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eventproc.cli.main import application
from tests.integration import modules

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "python_configs"
FLAGSHIP = CONFIGS / "top_tagging_cfg.py"
SMALL_JOBS = Path(__file__).with_name("configs")
SAMPLE = ROOT / "data" / "top_qcd.root"
COMMAND = [sys.executable, "-m", "eventproc"]
TIME_LIMIT_S = 100


@dataclass(frozen=True)
class Finished:
    """A job that ended."""

    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict:
        return json.loads((self.folder / "FrameworkJobReport.json").read_text())

    def files(self) -> list[str]:
        """Names of the files that lie in the job's folder, without its report."""
        return sorted(p.name for p in self.folder.iterdir() if not p.name.startswith("FrameworkJobReport"))


def environment(**extra: str) -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "PYTHONWARNINGS": "error", **extra}


def run_command(folder: Path, *words: object, **env: str) -> Finished:
    done = subprocess.run(
        [*COMMAND, *map(str, words)],
        cwd=folder,
        env=environment(**env),
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT_S,
        check=False,
    )
    return Finished(done.returncode, done.stdout, done.stderr, folder)


@pytest.fixture
def command(tmp_path):
    """Runs ``eventproc`` with words in an empty folder."""

    def run(*words: object, **env: str) -> Finished:
        return run_command(tmp_path, *words, **env)

    return run


@pytest.fixture
def flagship(command):
    """Runs the flagship job with words for its job file."""

    def run(*words: object, **env: str) -> Finished:
        return command("run", FLAGSHIP, *words, **env)

    return run


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
        config = SMALL_JOBS / f"{name}_cfg.py"
        modules.CALLS.clear()
        result = CliRunner().invoke(application, ["run", str(config), *map(str, words)])
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


@pytest.fixture
def nonsense_server():
    """The address of a server that answers everything with a page about something else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            page = b"<html>It works!</html>"
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        do_POST = do_GET

        def log_message(self, *words):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
