"""GPUs are shared out evenly among the instances of this process and of others, and are given back."""

import pytest

from accelerator_server.backends.onnxruntime import backend as backend_module
from accelerator_server.backends.onnxruntime.gpus import device_label, give_gpu_back, take_gpu
from accelerator_server.backends.onnxruntime.session import CPU, CUDA, TENSORRT
from accelerator_server.backends.table import load_backend
from accelerator_server.errors import ModelRefusedError
from tests.accelerator_server.backends.onnxruntime.showing_model import showing_settings


def test_the_gpu_with_the_fewest_models_is_taken():
    taken = [take_gpu([0, 2, 3], ["cuda:2", "tensorrt:0", "cuda:1", "cpu"]) for _ in range(4)]
    assert taken == [3, 0, 2, 3]
    give_gpu_back(0)
    assert take_gpu([0, 2], []) == 0
    for gpu in (0, 2, 3, 3):
        give_gpu_back(gpu)


def test_devices_are_called_by_their_number_where_they_have_one():
    assert [device_label(name, 1) for name in (CPU, CUDA, TENSORRT)] == ["cpu", "cuda:1", "tensorrt:1"]


@pytest.fixture
def opened(monkeypatch) -> list[int]:
    """The GPU of each session, which is one of the CPU in truth."""
    opened = []
    open_truly = backend_module.open_session

    def open_session(model, _providers, *more, gpu, tf32):
        opened.append(gpu)
        return open_truly(model, (CPU,), *more)

    monkeypatch.setattr(backend_module, "open_session", open_session)
    return opened


def test_instances_are_spread_over_the_gpus_and_leave_them_at_their_end(opened):
    settings = showing_settings(providers=[CUDA, CPU], gpus=[4, 5], scatter_on_device=False)
    backends = [load_backend("onnxruntime", settings) for _ in range(3)]
    assert [backend.device for backend in backends] == ["cuda:4", "cuda:5", "cuda:4"]
    assert opened == [4, 5, 4]
    for backend in backends:
        backend.close()
    load_backend("onnxruntime", settings).close()
    assert opened[-1] == 4


def test_a_model_that_is_refused_takes_no_gpu(opened, monkeypatch):
    settings = showing_settings(providers=[CUDA, CPU], gpus=[6, 7], scatter_on_device=False)

    def refuse(*_args):
        raise ModelRefusedError

    with monkeypatch.context() as patched:
        patched.setattr(backend_module, "check_signature", refuse)
        with pytest.raises(ModelRefusedError):
            load_backend("onnxruntime", settings)
    load_backend("onnxruntime", settings).close()
    assert opened == [6, 6]
