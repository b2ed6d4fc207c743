"""Programs that were compiled before: written with a manifest, checked against it, and run."""

import json
from importlib.util import find_spec

import msgspec
import numpy as np
import pytest

from accelerator_server.backends.base import BackendSettings
from accelerator_server.backends.opencl.offline import main, write_program
from accelerator_server.backends.opencl.precompiled import Manifest, read_precompiled
from accelerator_server.backends.opencl.tiling import Problem, Tile
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import BackendUnavailableError, ConfigurationError, ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from benchmarks.networks import residual_network

# Without pyopencl the tests that need it are skipped by name, and these names are not used.
if find_spec("pyopencl") is not None:
    from accelerator_server.backends.opencl.device import Device, DeviceChoice

MODEL = residual_network(((16, 1),), pixels=16)
SPEC = ModelSpec((TensorSpec("images", "FP32", (1, 16, 16)),), (TensorSpec("scores", "FP32", (2,)),), 4)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The model's file, and what the command writes for it without a device."""
    folder = tmp_path_factory.mktemp("kernels")
    (folder / "model.onnx").write_bytes(MODEL)
    assert main([str(folder / "model.onnx"), str(folder / "program")]) == 0
    return folder / "program"


def test_the_manifest_says_how_each_kernel_of_the_source_is_called(written):
    source = (written / "kernels.cl").read_text()
    manifest = msgspec.json.decode((written / "kernels.json").read_bytes(), type=Manifest)
    assert "-cl-mad-enable" in manifest.build_options
    assert source.count("__kernel") == len(manifest.kernels) >= 8
    assert "#include" not in source
    for name, entry in manifest.kernels.items():
        assert f"#define NAME {name}\n" in source
        for key, value in entry.defines.items():
            assert f"#define {key} {value}\n" in source
        assert entry.defines["GROUP"] in (1, manifest.group)
        assert all(word.startswith(("__global", "const int")) for word in entry.arguments)


def test_the_source_is_the_same_each_time(written, tmp_path):
    write_program(MODEL, tmp_path, "accelerator")
    for name in ("kernels.cl", "kernels.json"):
        assert (tmp_path / name).read_text() == (written / name).read_text()


def test_the_largest_tile_that_fits_is_taken(tmp_path, written):
    manifest = json.loads((written / "kernels.json").read_text())
    stem = next(n for n, e in manifest["kernels"].items() if e["defines"].get("SIZE_Y") == 7)
    for columns in (2, 5, 9):
        entry = json.loads(json.dumps(manifest["kernels"][stem]))
        entry["defines"]["TILE_COLUMNS"] = columns
        manifest["kernels"][f"other{columns}"] = entry
    (tmp_path / "p.json").write_text(json.dumps(manifest))
    (tmp_path / "p.aocx").write_bytes(b"")
    program = read_precompiled(tmp_path / "p.aocx")
    problem = Problem((7, 7), (2, 2), 1, 1, 1, 8, 8)
    assert program.tiles([problem]) == {problem: Tile(1, 5, 1)}
    with pytest.raises(BackendUnavailableError, match=r"p\.aocx has no convolution 9x9/1x1"):
        program.tiles([Problem((9, 9), (1, 1), 1, 1, 1, 8, 8)])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"{}", "missing required field"),
        (b'{"format": "a"}', "format"),
        (b'{"\xe9": 1}', "0xe9"),
    ],
    ids=["absent", "empty", "other", "latin-1"],
)
def test_a_program_without_a_manifest_is_refused(tmp_path, content, words):
    (tmp_path / "p.xclbin").write_bytes(b"")
    if content is not None:
        (tmp_path / "p.json").write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"p\.xclbin with its manifest .*{words}"):
        read_precompiled(tmp_path / "p.xclbin")


def test_a_manifest_of_another_format_is_refused(tmp_path, written):
    manifest = json.loads((written / "kernels.json").read_text()) | {"format": 2}
    (tmp_path / "p.json").write_text(json.dumps(manifest))
    (tmp_path / "p.aocx").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="has format 2; this server reads 1"):
        read_precompiled(tmp_path / "p.aocx")


def test_the_command_says_what_it_cannot_read(tmp_path, caplog):
    assert main([str(tmp_path / "none.onnx"), str(tmp_path)]) != 0
    assert "none.onnx" in caplog.text
    (tmp_path / "bad.onnx").write_bytes(b"garbage")
    assert main([str(tmp_path / "bad.onnx"), str(tmp_path)]) == ModelRefusedError.exit_code


@pytest.fixture(scope="module", params=["accelerator", "cpu"])
def binary(request, tmp_path_factory):
    """A program compiled by the command, with the runtime that is here."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "model.onnx").write_bytes(MODEL)
    words = [str(folder / "model.onnx"), str(folder), "--class", request.param, "--compile"]
    assert main([*words, "--platform", usable_platform()]) == 0
    return folder / "kernels.bin"


@pytest.mark.requires("opencl")
class TestOnDevice:
    def load(self, **parameters):
        given = {"platform": usable_platform(), **parameters}
        return load_backend("opencl", BackendSettings(MODEL, SPEC, "f32", given))

    def test_a_program_from_a_file_gives_the_same_scores_as_from_source(self, binary, monkeypatch):
        images = np.random.default_rng(2).random((3, 1, 16, 16), np.float32) / 100
        expected = self.load(tuning="default").run({"images": images})["scores"]

        def refuse(*args):
            raise AssertionError("nothing may be compiled from source")

        monkeypatch.setattr(Device, "compile", refuse)
        backend = self.load(binary=str(binary), chunk_rows=1)
        np.testing.assert_allclose(backend.run({"images": images})["scores"], expected, rtol=0, atol=1e-6)
        backend.close()

    def test_a_program_for_another_device_is_refused(self, binary, tmp_path):
        (tmp_path / "p.bin").write_bytes(b"not a program" * 100)
        (tmp_path / "p.json").write_bytes(binary.with_suffix(".json").read_bytes())
        with pytest.raises(BackendUnavailableError, match=r"cannot load .*p\.bin into .*INVALID_BINARY"):
            self.load(binary=str(tmp_path / "p.bin"))

    def test_a_program_that_lacks_a_kernel_is_refused_with_its_name(self, binary, tmp_path):
        manifest = json.loads(binary.with_suffix(".json").read_text())
        del manifest["kernels"]["softmax_1"]
        (tmp_path / "p.bin").write_bytes(binary.read_bytes())
        (tmp_path / "p.json").write_text(json.dumps(manifest))
        with pytest.raises(BackendUnavailableError, match=r"p\.bin lacks softmax_1, .*compile it again"):
            self.load(binary=str(tmp_path / "p.bin"))


def usable_platform():
    device = Device(DeviceChoice())
    device.close()
    return device.handle.platform.name
