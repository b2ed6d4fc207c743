"""Which models get processes: the model's word before the server's, and that before what the engine needs."""

import pytest

from accelerator_server.backends.table import BACKENDS
from accelerator_server.config import ModelConfig, ServerConfig, TensorConfig
from accelerator_server.models.isolation import NATIVE_ENGINES, is_isolated

X = [TensorConfig("x", "FP32", [-1, 4])]


@pytest.mark.parametrize(
    ("backend", "model", "server", "expected"),
    [
        ("openvino", "auto", "auto", True),
        ("echo", "auto", "auto", False),
        ("openvino", "auto", "thread", False),
        ("echo", "auto", "process", True),
        ("openvino", "thread", "process", False),
        ("echo", "process", "thread", True),
    ],
)
def test_the_nearest_word_counts(backend, model, server, expected):
    config = ModelConfig(backend=backend, inputs=X, outputs=X, isolation=model)
    assert is_isolated(config, ServerConfig(isolation=server)) is expected


def test_native_engines_are_backends():
    assert set(BACKENDS) >= NATIVE_ENGINES
