"""`accelerator-server bench`: a model's own speed, through the real command and on backends that count."""

import sys
import threading

import msgspec
import numpy as np
import pytest

from accelerator_server.bench import BenchReport, batch, bench_model, bench_point
from accelerator_server.cli import main
from accelerator_server.errors import ConfigurationError, ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from accelerator_server.models.model_loading import load_model
from accelerator_server.models.repository import model_at
from tests.accelerator_server.model_files import affine_model, write_model
from tests.accelerator_server.process import run_command

ROWS_PER_S = 200
DEVICE = f"[backend_parameters]\nrows_per_s = {ROWS_PER_S}\nservice_time_s = 0.001\npipeline_depth = 2"


class CountingBackend:
    """Remembers what it was called with, and how many calls it had at the same time."""

    device = "stub"
    precision = "f32"

    def __init__(self, depth: int = 1, fails_at_call: int = 0) -> None:
        self.depth = depth
        self.batches = []
        self.most_at_once = 0
        self._at_once = 0
        self._fails_at_call = fails_at_call
        self._lock = threading.Lock()

    def run(self, inputs):
        with self._lock:
            self.batches.append(inputs["x"])
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            if len(self.batches) == self._fails_at_call:
                message = "out of memory"
                raise RuntimeError(message)
        try:
            return {"y": inputs["x"][:, :2].copy()}
        finally:
            with self._lock:
                self._at_once -= 1

    def close(self) -> None:
        pass


def bench(*words) -> BenchReport:
    result = run_command("bench", *map(str, words), "--json")
    assert result.returncode == 0, result.stderr
    return msgspec.json.decode(result.stdout, type=BenchReport)


def test_an_emulated_device_shows_its_own_rate_whatever_the_callers(tmp_path):
    write_model(tmp_path, "fpga", backend="emulated", tables=DEVICE)
    report = bench(tmp_path / "fpga", "--batch", "1,4", "--clients", "1,8", "--duration", "1")
    assert (report.model, report.version, report.backend) == ("fpga", 1, "emulated")
    assert (report.devices, report.calls_at_once) == (["emulated:cpu"], 2)
    assert [(point.batch_rows, point.clients) for point in report.points] == [(1, 1), (1, 8), (4, 1), (4, 8)]
    for point in report.points:
        assert point.rows_per_s == pytest.approx(point.calls * point.batch_rows / point.seconds)
        assert 0.3 * ROWS_PER_S < point.rows_per_s <= ROWS_PER_S
        assert 1000 * point.batch_rows / ROWS_PER_S <= point.run_p50_ms <= point.latency_p99_ms
        assert point.latency_p50_ms <= point.latency_p90_ms <= point.latency_p99_ms
    # Eight callers of four rows: each waits for the rows of all others.
    assert report.points[3].latency_p90_ms >= 1000 * 8 * 4 / ROWS_PER_S


def test_instances_are_devices_of_their_own(tmp_path):
    write_model(tmp_path, "fpga", backend="emulated", tables=DEVICE)
    report = bench(tmp_path / "fpga", "--clients", "8", "--instances", "3", "--duration", "1")
    assert (len(report.devices), report.calls_at_once) == (3, 6)
    assert ROWS_PER_S < report.points[0].rows_per_s <= 3 * ROWS_PER_S


def test_a_version_is_named_by_its_folder_and_a_model_by_its_newest_version(tmp_path):
    for version in (2, 10):
        write_model(tmp_path, "m", version, backend="openvino", model=affine_model())
    assert bench(tmp_path / "m", "--duration", "0").version == 10
    assert bench(tmp_path / "m" / "2", "--duration", "0").version == 2


def test_a_table_shows_the_same_for_people(tmp_path):
    write_model(tmp_path, keys="reproducible = true")
    result = run_command("bench", str(tmp_path / "m"), "--batch", "1,32", "--duration", "0.1")
    assert result.returncode == 0, result.stderr
    title, head, *lines = result.stdout.splitlines()
    assert title.strip() == "m 1: echo f32 on cpu, 1 at once, padded to 32 rows"
    assert "rows/s" in head
    assert [line.split()[0] for line in lines] == ["1", "32"]
    assert "…" not in result.stdout  # figures of a quick device are long, and are not cut off


FAILURES = {
    "no model": (3, "the models in", ["models/n"]),
    "a repository": (3, "are m", ["models"]),
    "nothing": (3, "not a folder", ["nowhere/m"]),
    "a batch too large": (3, "--set m.max_rows=64 allows it", ["models/m", "--batch", "1,64"]),
    "an override for another model": (3, "there are m", ["models/m", "--set", "n.max_rows=64"]),
    "no such device": (5, "it has", ["models/m", "--set", "m.backend_parameters.device=NPU"]),
    "no number": (2, "as in 1,8,32", ["models/m", "--batch", "1,,2"]),
    "no caller": (2, "as in 1,8,32", ["models/m", "--clients", "0"]),
}


@pytest.mark.parametrize(("code", "told", "words"), FAILURES.values(), ids=FAILURES.keys())
def test_what_cannot_be_measured_is_told_by_message_and_exit_code(
    tmp_path, monkeypatch, capsys, code, told, words
):
    write_model(tmp_path / "models", backend="openvino", model=affine_model())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["accelerator-server", "bench", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (code, "")
    assert told in err
    assert "Traceback" not in err


def test_a_backend_gets_as_many_calls_at_once_as_it_wants_and_no_more():
    backends = [CountingBackend(depth=2), CountingBackend(depth=2)]
    slots = [backend for backend in backends for _ in range(2)]
    point = bench_point(slots, {"x": np.ones((3, 4), np.float32)}, 3, 50, 0.2)
    called = sum(len(backend.batches) for backend in backends)
    assert called == point.calls + len(slots)  # one call before the clock for each
    assert max(backend.most_at_once for backend in backends) <= 2
    assert all(backend.batches for backend in backends)


def test_a_reproducible_model_runs_at_its_padded_shape_and_only_its_own_rows_count(tmp_path):
    write_model(tmp_path, keys="max_rows = 8\nreproducible = true")
    loaded = load_model(model_at(tmp_path / "m"), [])
    report = bench_model(loaded, [2], [], 0)
    assert report.padded_rows == 8
    assert report.points[0].rows_per_s == pytest.approx(2 * report.points[0].calls / report.points[0].seconds)
    padded = batch(loaded.spec, 2, 8)["x"]
    assert padded.shape == (8, 4)
    assert np.all(padded[2:] == 0)
    assert np.all(padded[:2] > 0)


def test_inputs_have_the_datatype_of_the_signature():
    spec = ModelSpec(
        tuple(TensorSpec(name, name, (5,)) for name in ("FP16", "INT64", "UINT8", "BOOL", "FP64")), (), 4
    )
    inputs = batch(spec, 3)
    assert {name: str(array.dtype) for name, array in inputs.items()} == {
        "FP16": "float16", "INT64": "int64", "UINT8": "uint8", "BOOL": "bool", "FP64": "float64",
    }  # fmt: skip
    assert all(array.any() for array in inputs.values())


def test_a_model_that_fails_on_the_way_ends_the_measurement_with_its_batch_and_reason():
    backend = CountingBackend(depth=2, fails_at_call=7)
    with pytest.raises(ModelRefusedError, match="fails on a batch of 3: out of memory"):
        bench_point([backend, backend], {"x": np.ones((3, 4), np.float32)}, 3, 5, 60)


def test_a_batch_beyond_max_rows_is_refused_before_anything_runs(tmp_path):
    write_model(tmp_path)
    with pytest.raises(ConfigurationError, match="max_rows=33 allows it"):
        bench_model(load_model(model_at(tmp_path / "m"), []), [1, 33], [], 60)
