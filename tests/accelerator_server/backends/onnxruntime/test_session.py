"""Sessions: libraries are looked for where a GPU is asked for, and bound runs give what plain ones do."""

import logging
from collections import UserList

import numpy as np
import onnxruntime
import pytest
from onnxruntime.capi.onnxruntime_pybind11_state import EPFail

from accelerator_server.backends.onnxruntime.session import CPU, CUDA, TENSORRT, open_session, run_bound
from accelerator_server.errors import BackendUnavailableError
from tests.accelerator_server.backends.onnxruntime.showing_model import OUTPUTS, random_rows, showing_model
from tests.accelerator_server.model_files import affine_model

NAMES = [spec.name for spec in OUTPUTS]


class TestPreloading:
    @pytest.fixture
    def preloaded(self, monkeypatch) -> UserList[str]:
        """What was done, in order; no GPU is needed, since the session falls back and is refused."""
        done: UserList[str] = UserList()

        class Session(onnxruntime.InferenceSession):
            def __init__(self, *args, **kwargs):
                done.append("session")
                done.providers = kwargs["providers"]
                super().__init__(args[0], args[1], providers=[CPU])

        monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [TENSORRT, CUDA, CPU])
        monkeypatch.setattr("onnxruntime.InferenceSession", Session)
        monkeypatch.setattr("onnxruntime.preload_dlls", lambda: done.append("preload"), raising=False)
        return done

    @pytest.mark.parametrize("providers", [(CUDA,), (CUDA, CPU), (TENSORRT, CPU), (CPU, CUDA)])
    def test_libraries_are_loaded_before_a_session_on_a_gpu(self, preloaded, providers):
        with pytest.raises(BackendUnavailableError, match="did not load"):
            open_session(affine_model(), providers)
        assert preloaded == ["preload", "session"]

    @pytest.mark.parametrize("tf32", [False, True])
    def test_a_gpu_rounds_products_only_where_it_may(self, preloaded, tf32):
        with pytest.raises(BackendUnavailableError, match="did not load"):
            open_session(affine_model(), (TENSORRT, CUDA, CPU), tf32=tf32)
        (_, at_tensorrt), (_, at_cuda), (_, at_cpu) = preloaded.providers
        assert at_cuda["use_tf32"] == str(int(tf32))
        assert "use_tf32" not in {**at_tensorrt, **at_cpu}

    def test_all_providers_of_gpus_are_told_which_one(self, preloaded):
        with pytest.raises(BackendUnavailableError, match="did not load"):
            open_session(affine_model(), (TENSORRT, CUDA, CPU), gpu=3)
        assert [(name, told.get("device_id")) for name, told in preloaded.providers] == [
            (TENSORRT, "3"),
            (CUDA, "3"),
            (CPU, None),
        ]

    def test_the_cpu_needs_none(self, preloaded):
        open_session(affine_model(), (CPU,))
        assert preloaded == ["session"]

    def test_an_onnxruntime_that_cannot_load_libraries_is_used_as_it_is(self, preloaded, monkeypatch):
        monkeypatch.delattr("onnxruntime.preload_dlls")
        with pytest.raises(BackendUnavailableError, match="did not load CUDAExecutionProvider"):
            open_session(affine_model(), (CUDA, CPU))
        assert preloaded == ["session"]

    def test_what_is_not_found_goes_to_the_log_and_not_to_the_output(
        self, preloaded, monkeypatch, capsys, caplog
    ):
        words = "Failed to load libcublasLt.so.13"
        monkeypatch.setattr("onnxruntime.preload_dlls", lambda: print(words))
        with (
            caplog.at_level(logging.WARNING),
            pytest.raises(BackendUnavailableError, match="did not load CUDAExecutionProvider"),
        ):
            open_session(affine_model(), (CUDA, CPU))
        assert capsys.readouterr().out == ""
        assert f"onnxruntime: {words}" in caplog.text


def test_a_provider_that_cannot_be_made_is_told_in_the_log_and_not_in_the_output(monkeypatch, capsys, caplog):
    make = onnxruntime.InferenceSession._create_inference_session

    def broken(self, providers, *args):
        if any(CUDA in provider for provider in providers):
            self._fallback_providers = [CPU]  # as the method itself does first
            message = "CUDA failure 100: no CUDA-capable device is detected"
            raise RuntimeError(message)
        return make(self, providers, *args)

    monkeypatch.setattr("onnxruntime.preload_dlls", lambda: None)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: [CUDA, CPU])
    monkeypatch.setattr("onnxruntime.InferenceSession._create_inference_session", broken)
    with pytest.raises(BackendUnavailableError, match="did not load CUDAExecutionProvider"):
        open_session(affine_model(), (CUDA, CPU))
    assert capsys.readouterr().out == ""
    assert "no CUDA-capable device" in caplog.text


def test_a_batch_that_a_provider_fails_on_is_not_run_on_the_cpu_instead(session, monkeypatch):
    inner = session._sess

    class Failing:
        def __getattr__(self, name):
            return getattr(inner, name)

        def run(self, *_args):
            message = "the GPU fell off the bus"
            raise EPFail(message)

    monkeypatch.setattr(session, "_sess", Failing())
    with pytest.raises(EPFail, match="fell off the bus"):
        session.run(NAMES, random_rows(1))


@pytest.fixture(scope="module")
def session():
    return open_session(showing_model(), (CPU,), 1)


@pytest.mark.parametrize("n_rows", range(1, 9))
def test_a_bound_run_gives_the_bits_of_a_plain_one_for_any_number_of_rows(session, n_rows):
    inputs = random_rows(n_rows)
    found = run_bound(session, inputs, NAMES)
    for output, expected, rows in zip(found, session.run(NAMES, inputs), inputs.values(), strict=True):
        assert (output.dtype, output.shape) == (expected.dtype, expected.shape)
        assert output.tobytes() == expected.tobytes() == rows.tobytes()


def test_inputs_of_a_bound_run_may_be_on_the_device_already(session):
    inputs = random_rows(3)
    there = {name: onnxruntime.OrtValue.ortvalue_from_numpy(rows, "cpu") for name, rows in inputs.items()}
    mixed = {**inputs, "images": there["images"], "flags": there["flags"]}
    for bound in (there, mixed):
        for output, rows in zip(run_bound(session, bound, NAMES), inputs.values(), strict=True):
            np.testing.assert_array_equal(output, rows)


def test_only_the_outputs_that_are_wanted_come_in_their_order(session):
    inputs = random_rows(2)
    flags, images = run_bound(session, inputs, ["same_flags", "same_images"])
    np.testing.assert_array_equal(flags, inputs["flags"])
    np.testing.assert_array_equal(images, inputs["images"])


def test_outputs_of_a_bound_run_stay_as_they_are_when_the_next_one_runs(session):
    inputs = random_rows(4)
    first = run_bound(session, inputs, NAMES)[0]
    run_bound(session, random_rows(4, seed=1), NAMES)
    np.testing.assert_array_equal(first, inputs["images"])
