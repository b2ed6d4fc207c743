"""Sessions of ONNX Runtime, on the execution providers that were asked for or not at all."""

import io
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import onnxruntime

from accelerator_server.backends.base import Array
from accelerator_server.errors import BackendUnavailableError, ModelRefusedError

logger = logging.getLogger(__name__)

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
GPU_PROVIDERS = frozenset({CUDA, TENSORRT})
"""Providers that compute on an NVIDIA GPU, whose memory ONNX Runtime calls the device `cuda`."""


def open_session(
    model: bytes, providers: Sequence[str], intra_op_threads: int = 0, *, gpu: int = 0, tf32: bool = False
) -> Any:
    """Loads a model.

    Args:
        model: Content of its file.
        providers: Execution providers in order of preference; all of them must load.
        intra_op_threads: Threads within an operation; 0 means one per core that this process may use.
        gpu: Number of the GPU, for the providers that compute on one.
        tf32: Whether CUDA may round the factors of float32 products to 10 bits of mantissa.

    Returns:
        An onnxruntime.InferenceSession.

    Raises:
        BackendUnavailableError: A provider is not in this build, or did not load.
        ModelRefusedError: The model cannot be loaded.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = intra_op_threads or len(os.sched_getaffinity(0))
    options.inter_op_num_threads = 1
    # Spinning threads of one session starve the others and the event loop of the server.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    available = onnxruntime.get_available_providers()
    if missing := [name for name in providers if name not in available]:
        message = f"this onnxruntime has no {', '.join(missing)}; it has {', '.join(available)}"
        raise BackendUnavailableError(message)
    with _prints_to_log():
        if not GPU_PROVIDERS.isdisjoint(providers):
            _preload_libraries()
        try:
            chosen = [(name, _provider_options(name, gpu, tf32=tf32)) for name in providers]
            session = onnxruntime.InferenceSession(model, options, providers=chosen)
        except Exception as error:
            message = f"onnxruntime cannot load the model: {error}"
            raise ModelRefusedError(message) from error
    loaded = session.get_providers()
    if missing := [name for name in providers if name not in loaded]:
        message = f"onnxruntime did not load {', '.join(missing)}, only {', '.join(loaded)}"
        raise BackendUnavailableError(message)
    session.disable_fallback()  # else a batch that fails on the GPU is run on the CPU, and all after it
    return session


def run_bound(session: Any, inputs: Mapping[str, Any], output_names: Sequence[str]) -> list[Array]:
    """Runs a session with inputs that are on the host or on its device already, and outputs on the host.

    Args:
        session: An onnxruntime.InferenceSession.
        inputs: All inputs by name: arrays, which are copied to the device, or OrtValues, which stay there.
        output_names: Outputs that are wanted.

    Returns:
        The outputs in that order, the caller's.
    """
    binding = session.io_binding()
    bind_inputs(binding, inputs)
    for name in output_names:
        binding.bind_output(name, "cpu")
    session.run_with_iobinding(binding)
    outputs: list[Array] = binding.copy_outputs_to_cpu()
    return outputs


def bind_inputs(binding: Any, inputs: Mapping[str, Any]) -> None:
    """Binds arrays of the host, and OrtValues wherever they are; both must live as long as the binding."""
    for name, rows in inputs.items():
        if isinstance(rows, onnxruntime.OrtValue):
            binding.bind_ortvalue_input(name, rows)
        else:
            binding.bind_cpu_input(name, rows)  # copied to the device here, if the session reads it there


def _provider_options(provider: str, gpu: int, *, tf32: bool) -> dict[str, str]:
    on_gpu = {"device_id": str(gpu)} if provider in GPU_PROVIDERS else {}
    return {**on_gpu, "use_tf32": str(int(tf32))} if provider == CUDA else on_gpu


def _preload_libraries() -> None:
    """Finds CUDA and cuDNN among the installed Python packages, where the loader does not look by itself."""
    # Versions before 1.21 have no such function, and CUDA must be where the loader looks.
    preload = getattr(onnxruntime, "preload_dlls", None)
    if preload is not None:
        preload()


@contextmanager
def _prints_to_log() -> Iterator[None]:
    """ONNX Runtime prints what it does not find; a server's output is its address and nothing else."""
    said = io.StringIO()
    try:
        with redirect_stdout(said):
            yield
    finally:
        for line in said.getvalue().splitlines():
            logger.warning("onnxruntime: %s", line)
