"""Which models are run in processes of their own."""

from accelerator_server.config import ModelConfig, ServerConfig

NATIVE_ENGINES = frozenset({"onnxruntime", "opencl", "openvino"})
"""Backends that can end their process; the others are Python alone, and gain nothing from one."""


def is_isolated(model: ModelConfig, server: ServerConfig) -> bool:
    """Whether devices get processes of their own: as the model says, the server, or the engine needs."""
    choice = model.isolation if model.isolation != "auto" else server.isolation
    return model.backend in NATIVE_ENGINES if choice == "auto" else choice == "process"
