"""What a plain server's model configuration tells beyond the standard's metadata."""

import msgspec

from inference_client.protocol.binary_tensors import ModelConfiguration
from inference_client.protocol.errors import MalformedBodyError
from inference_client.protocol.messages import ModelMetadata, ModelParameters
from inference_client.protocol.specification import specification_hash


def with_configuration(model: ModelMetadata, configuration: ModelConfiguration) -> ModelMetadata:
    """A model's metadata with what its owner wrote into its configuration.

    Args:
        model: What the server says by the standard.
        configuration: Its `max_batch_size` bounds a body. Its parameters `labels` and `image_spec` (JSON),
            `sha256` and `precision` stand for what an accelerator-server announces.

    Raises:
        MalformedBodyError: `labels` or `image_spec` is not JSON of its kind, or nested too deeply.
    """
    texts = {name: parameter.string_value for name, parameter in configuration.parameters.items()}
    try:
        image_spec = msgspec.json.decode(texts.get("image_spec", "{}"), type=dict)
        labels = msgspec.json.decode(texts.get("labels", "[]"), type=list[str])
        image_spec_hash = specification_hash(image_spec) if image_spec else ""
    except (msgspec.DecodeError, RecursionError) as error:
        message = f"parameters labels and image_spec of model {model.name!r} must be JSON: {error}"
        raise MalformedBodyError(message) from error
    parameters = ModelParameters(
        max_rows=configuration.max_batch_size,
        sha256=texts.get("sha256", ""),
        image_spec=image_spec,
        image_spec_hash=image_spec_hash,
        precision=texts.get("precision", ""),
        labels=labels,
    )
    return msgspec.structs.replace(model, parameters=parameters)
