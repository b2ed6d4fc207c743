"""The benchmark beside tritonserver where there is none, or none that works: it says so, no figure is ok."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.load import Load
from benchmarks.triton import TRITON, TritonUnusable, find_installation

SCRIPT = Path(__file__).resolve().parents[1] / "benchmarks" / "bench_triton.py"


def fake_environment(folder: Path, answer: str) -> Path:
    """A virtual environment whose interpreter says what is given."""
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f"#!/bin/sh\n{answer}\n")
    python.chmod(0o755)
    return folder


def facts(*version: int) -> str:
    return f"echo '{json.dumps([version, '/usr', '1.31.1', '0.7.0'])}'"


def test_without_tritonserver_the_benchmark_says_so_and_prints_no_figure():
    environment = {name: value for name, value in os.environ.items() if name != TRITON}
    ran = subprocess.run(
        [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"not measured: no tritonserver is named here: set {TRITON} to")


def test_an_environment_that_can_work_is_found(tmp_path):
    found = find_installation({TRITON: str(fake_environment(tmp_path, facts(3, 11, 2)))})
    assert (found.python_home, found.onnxruntime, found.pytriton) == ("/usr", "1.31.1", "0.7.0")
    assert found.binaries == tmp_path / "lib/python3.11/site-packages/pytriton/tritonserver"


@pytest.mark.parametrize("version", [(3, 11, 7), (3, 12, 1), (3, 10, 2)])
def test_a_python_that_tritons_stub_refuses_is_named(tmp_path, version):
    folder = fake_environment(tmp_path, facts(*version))
    with pytest.raises(TritonUnusable, match="which Triton's stub refuses: set"):
        find_installation({TRITON: str(folder)})


def test_what_is_missing_in_an_environment_is_named(tmp_path):
    with pytest.raises(TritonUnusable, match="is no virtual environment"):
        find_installation({TRITON: str(tmp_path / "nowhere")})
    folder = fake_environment(tmp_path, "echo 'no metadata was found for nvidia-pytriton' >&2; exit 1")
    with pytest.raises(
        TritonUnusable, match=r"lacks a package \(no metadata was found for nvidia-pytriton\)"
    ):
        find_installation({TRITON: str(folder)})


def test_the_steady_rate_is_right_where_answers_come_in_batches():
    batches = [0.5 + 0.8 * k for k in range(6)]
    load = Load(5.0, answered_s=[at_s for at_s in batches for _ in range(32)])
    assert load.steady_rate == pytest.approx(32 / 0.8)
    one_by_one = Load(5.0, answered_s=[k / 40 for k in range(200)])
    assert one_by_one.steady_rate == pytest.approx(40)
