"""From a folder to a model that has proved that it runs."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from accelerator_server.backends.base import Backend, BackendSettings
from accelerator_server.backends.proving import prove
from accelerator_server.backends.table import load_backend
from accelerator_server.config import ModelConfig, Override
from accelerator_server.errors import ConfigurationError
from accelerator_server.limits.memory_use import memory_there_is
from accelerator_server.model_spec import ModelSpec, spec_of
from accelerator_server.models.isolation import NATIVE_ENGINES
from accelerator_server.models.repository import CONFIG_FILE, ModelFolder
from inference_client.protocol.messages import ModelMetadata, ModelParameters
from inference_client.protocol.specification import specification_hash


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A version of a model with its backends, tried once, not yet served.

    Attributes:
        folder: Where it came from.
        config: What its model.toml says.
        spec: Its signature.
        backends: One for each instance.
        metadata: What is announced of it.
    """

    folder: ModelFolder
    config: ModelConfig
    spec: ModelSpec
    backends: Sequence[Backend]
    metadata: ModelMetadata

    def close(self) -> None:
        """Frees the devices of a model that is not served after all."""
        for backend in self.backends:
            backend.close()


Loader = Callable[[str, ModelConfig, BackendSettings, tuple[int, ...]], Backend]
"""Makes one instance of a model's backend.

It is told the instance's name for logs, what model.toml says, what the backend is told, and with how many
rows it is tried afterwards; it raises a StartError.
"""


def load_here(
    _name: str, config: ModelConfig, settings: BackendSettings, _trial_rows: tuple[int, ...]
) -> Backend:
    """Makes a backend in this process.

    Raises:
        StartError: It cannot be made.
    """
    return load_backend(config.backend, settings)


def load_model(folder: ModelFolder, overrides: list[Override], load: Loader = load_here) -> LoadedModel:
    """Loads a model and runs it on zeros: with one row, as many as it may get, and as model.toml says.

    Args:
        folder: Where it is.
        overrides: What the command line says of it.
        load: Makes its backends.

    Raises:
        StartError: The model or its backend cannot be served; the message says why.
    """
    config = folder.read_config(overrides)
    spec = spec_of(config)
    _check_room(spec)
    if config.backend in NATIVE_ENGINES and not config.file:
        message = f"{config.backend} runs a model's file; `file` and `sha256` of {CONFIG_FILE} say which"
        raise ConfigurationError(message)
    image_spec_hash = _checked_hash(config)
    settings = BackendSettings(folder.read_model(config), spec, config.precision, config.backend_parameters)
    least_rows = spec.max_rows if config.reproducible else 1
    trial_rows = tuple(sorted({least_rows, *config.warm_up_rows, spec.max_rows}))
    backends: list[Backend] = []
    with ExitStack() as on_failure:
        for number in range(config.instances):
            backends.append(load(f"{folder.name}-{folder.version}-{number}", config, settings, trial_rows))
            on_failure.callback(backends[-1].close)
        for backend in backends:
            prove(backend, spec, trial_rows)
        on_failure.pop_all()
    metadata = _metadata(folder, config, spec, backends[0].precision, image_spec_hash)
    return LoadedModel(folder, config, spec, backends, metadata)


def _check_room(spec: ModelSpec) -> None:
    """A batch that memory cannot hold, here and beside it in an engine, would end the server and others."""
    row_bytes = sum(tensor.row_size * tensor.dtype.itemsize for tensor in (*spec.inputs, *spec.outputs))
    most_rows = memory_there_is() // (2 * row_bytes)
    if spec.max_rows > most_rows:
        message = (
            f"{spec.max_rows} rows (max_rows) of {row_bytes} bytes do not fit into memory, {most_rows} do"
        )
        raise ConfigurationError(message)


def _checked_hash(config: ModelConfig) -> str:
    if config.reproducible and config.batching.best_rows not in (0, config.max_rows):
        message = "a reproducible model runs at max_rows always; leave batching.best_rows out"
        raise ConfigurationError(message)
    try:
        return specification_hash(config.image_spec) if config.image_spec else ""
    except (TypeError, ValueError) as error:
        message = f"image_spec holds a value that JSON cannot: {error}"
        raise ConfigurationError(message) from error


def _metadata(
    folder: ModelFolder, config: ModelConfig, spec: ModelSpec, precision: str, image_spec_hash: str
) -> ModelMetadata:
    return ModelMetadata(
        name=folder.name,
        versions=[str(folder.version)],
        platform=config.backend,
        inputs=[tensor.metadata() for tensor in spec.inputs],
        outputs=[tensor.metadata() for tensor in spec.outputs],
        parameters=ModelParameters(
            encodings=spec.encodings(),
            max_rows=config.max_rows,
            sha256=config.sha256.lower(),
            image_spec=config.image_spec,
            image_spec_hash=image_spec_hash,
            precision=precision,
            reproducible=config.reproducible,
            labels=config.labels,
        ),
    )
