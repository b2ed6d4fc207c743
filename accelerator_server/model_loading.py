"""From a folder to a model that has proved that it runs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from accelerator_server.backends.base import Backend, BackendSettings
from accelerator_server.backends.table import load_backend
from accelerator_server.config import ModelConfig, Override
from accelerator_server.errors import ConfigurationError, ModelRefusedError
from accelerator_server.model_spec import ModelSpec, spec_of
from accelerator_server.repository import ModelFolder
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


def load_model(folder: ModelFolder, overrides: list[Override]) -> LoadedModel:
    """Loads a model and runs it on zeros, with one row and with as many as it may get.

    Raises:
        StartError: The model or its backend cannot be served; the message says why.
    """
    config = folder.read_config(overrides)
    spec = spec_of(config)
    image_spec_hash = _checked_hash(config)
    settings = BackendSettings(folder.read_model(config), spec, config.precision, config.backend_parameters)
    backends = [load_backend(config.backend, settings) for _ in range(config.instances)]
    for backend in backends:
        for n_rows in {spec.max_rows} if config.reproducible else {1, spec.max_rows}:
            _try(backend, spec, n_rows)
    metadata = _metadata(folder, config, spec, backends[0].precision, image_spec_hash)
    return LoadedModel(folder, config, spec, backends, metadata)


def _checked_hash(config: ModelConfig) -> str:
    if config.reproducible and config.batching.best_rows not in (0, config.max_rows):
        message = "a reproducible model runs at max_rows always; leave batching.best_rows out"
        raise ConfigurationError(message)
    try:
        return specification_hash(config.image_spec) if config.image_spec else ""
    except (TypeError, ValueError) as error:
        message = f"image_spec holds a value that JSON cannot: {error}"
        raise ConfigurationError(message) from error


def _try(backend: Backend, spec: ModelSpec, n_rows: int) -> None:
    inputs = {tensor.name: np.zeros((n_rows, *tensor.row_shape), tensor.dtype) for tensor in spec.inputs}
    try:
        spec.check_outputs(backend.run(inputs), n_rows)
    except Exception as error:
        message = f"the model fails on {n_rows} rows of zeros: {error}"
        raise ModelRefusedError(message) from error


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
