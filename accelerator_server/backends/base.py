"""What a server asks of an engine: one verb, and four facts about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from accelerator_server.errors import ConfigurationError, ModelRefusedError
from accelerator_server.model_spec import ModelSpec, TensorSpec
from inference_client.protocol.datatypes import DTYPES

Array = NDArray[np.generic]
_Parameters = TypeVar("_Parameters", bound=Struct)


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """All that a backend is told when it loads a model.

    Attributes:
        model: Content of the model's file, its digest checked; empty for backends that need none.
        spec: Signature that the model must have.
        precision: Arithmetic asked for: f32, tf32, f16, bf16, int8.
        parameters: The table backend_parameters of the model's configuration.
        in_use: Devices, by the names that backends give them, on which the server's other workers compute.
    """

    model: bytes
    spec: ModelSpec
    precision: str = "f32"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    in_use: tuple[str, ...] = ()


class Backend(Protocol):
    """A model loaded on a device.

    Attributes:
        device: Where it computes, as the inference record says it: cpu, cuda:0.
        precision: Arithmetic that it computes in; never another than was asked for.
        depth: Batches that it wants in flight; `run` is called from so many threads at once.
    """

    device: str
    precision: str
    depth: int

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Computes one batch.

        Args:
            inputs: All inputs by name, (n_rows, ...), C order, n_rows >= 1; not to be kept or changed.

        Returns:
            All outputs by name, (n_rows, ...); they belong to the caller and are not changed later.
        """
        ...

    def close(self) -> None:
        """Frees the device; no call of `run` is under way and none follows."""
        ...


def convert_parameters(settings: BackendSettings, kind: type[_Parameters], backend: str) -> _Parameters:
    """Types the parameters of a backend.

    Raises:
        ConfigurationError: One is unknown or of the wrong type.
    """
    try:
        return msgspec.convert(dict(settings.parameters), kind)
    except msgspec.ValidationError as error:
        message = f"backend_parameters of {backend}: {error}; known are {', '.join(kind.__struct_fields__)}"
        raise ConfigurationError(message) from error


def check_precision(asked: str, offered: tuple[str, ...], backend: str) -> None:
    """Refuses a precision that a backend does not compute in.

    Raises:
        ConfigurationError: The precision is not offered.
    """
    if asked not in offered:
        message = f"backend {backend} has no precision {asked!r}; it has {', '.join(offered)}"
        raise ConfigurationError(message)


@dataclass(frozen=True, slots=True)
class EngineTensor:
    """An input or output as the engine reports it; -1 is a free size, an empty datatype an unknown one."""

    name: str
    datatype: str
    shape: tuple[int, ...]


def check_signature(kind: str, declared: tuple[TensorSpec, ...], found: list[EngineTensor]) -> None:
    """Compares what model.toml declares with what the engine found in the model's file.

    Args:
        kind: "inputs" or "outputs", for the message.
        declared: From the configuration.
        found: From the engine.

    Raises:
        ModelRefusedError: Names, datatypes or sizes differ.
    """
    by_name = {tensor.name: tensor for tensor in found}
    fits = by_name.keys() == {spec.name for spec in declared}
    if not fits or not all(_fits(spec, by_name[spec.name]) for spec in declared):
        has = ", ".join(f"{tensor.name}: {tensor.datatype} {list(tensor.shape)}" for tensor in found)
        says = ", ".join(str(spec) for spec in declared)
        message = f"the model's file has {kind} [{has}], model.toml says [{says}]"
        raise ModelRefusedError(message)


def _fits(spec: TensorSpec, tensor: EngineTensor) -> bool:
    declared = (-1, *spec.row_shape)
    sizes_fit = len(declared) == len(tensor.shape) and all(
        theirs in (-1, ours) for ours, theirs in zip(declared, tensor.shape, strict=True)
    )
    return sizes_fit and tensor.datatype == spec.datatype


def datatype_name(dtype: np.dtype[Any]) -> str:
    """Name on the wire of an engine's dtype, or the dtype's own name where the wire has none."""
    return next((name for name, known in DTYPES.items() if known == dtype), str(dtype))
