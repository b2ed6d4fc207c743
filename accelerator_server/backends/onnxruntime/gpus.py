"""Which GPU a model gets: instances are spread over those that model.toml names."""

import threading
from collections import Counter
from collections.abc import Sequence

from accelerator_server.backends.onnxruntime.session import GPU_PROVIDERS

_taken: Counter[int] = Counter()  # models of this process on each GPU; read and changed under _lock
_lock = threading.Lock()


def take_gpu(gpus: Sequence[int], in_use: Sequence[str]) -> int:
    """Takes the GPU that serves the fewest models of this process and of others; `give_gpu_back` follows.

    Args:
        gpus: Their numbers, at least one; of those that are level the first is taken.
        in_use: Devices of models of other processes, as `device_label` names them.
    """
    with _lock:
        gpu = min(gpus, key=lambda number: _taken[number] + _count(number, in_use))
        _taken[gpu] += 1
    return gpu


def give_gpu_back(gpu: int) -> None:
    """A model has left its GPU."""
    with _lock:
        _taken[gpu] -= 1


def device_label(provider: str, gpu: int) -> str:
    """What records call the device of a provider: cpu, cuda:0, tensorrt:1."""
    name = provider.removesuffix("ExecutionProvider").lower()
    return f"{name}:{gpu}" if provider in GPU_PROVIDERS else name


def _count(gpu: int, in_use: Sequence[str]) -> int:
    labels = {device_label(provider, gpu) for provider in GPU_PROVIDERS}
    return sum(label in labels for label in in_use)
