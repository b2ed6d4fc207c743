"""The null backend: answers the leading elements of each input row."""

from collections.abc import Mapping

from msgspec import Struct

from accelerator_server.backends.base import Array, BackendSettings, check_precision, convert_parameters
from accelerator_server.errors import ConfigurationError
from accelerator_server.model_spec import ModelSpec


class EchoParameters(Struct, forbid_unknown_fields=True, frozen=True):
    """There are none."""


class EchoBackend:
    """Output k is the first elements of each row of input k."""

    def __init__(self, settings: BackendSettings) -> None:
        convert_parameters(settings, EchoParameters, "echo")
        check_precision(settings.precision, ("f32",), "echo")
        _check_sizes(settings.spec)
        self.device = "cpu"
        self.precision = "f32"
        self.depth = 1
        self._spec = settings.spec

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Copies the leading elements of every row."""
        outputs = {}
        for source, target in zip(self._spec.inputs, self._spec.outputs, strict=True):
            rows = inputs[source.name].reshape(-1, source.row_size)
            outputs[target.name] = rows[:, : target.row_size].copy().reshape(-1, *target.row_shape)
        return outputs

    def close(self) -> None:
        """Nothing is held."""


def _check_sizes(spec: ModelSpec) -> None:
    pairs = list(zip(spec.inputs, spec.outputs, strict=False))
    fits = len(spec.inputs) == len(spec.outputs)
    if not fits or any(a.datatype != b.datatype or a.row_size < b.row_size for a, b in pairs):
        message = "echo needs as many outputs as inputs, each of its input's datatype and no larger"
        raise ConfigurationError(message)
