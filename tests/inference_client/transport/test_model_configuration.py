"""A plain server's model configuration: what it tells, and what it may not do to the client."""

import json

import pytest

from inference_client.protocol.binary_tensors import ConfigurationParameter, ModelConfiguration
from inference_client.protocol.errors import MalformedBodyError
from inference_client.protocol.messages import ModelMetadata
from inference_client.protocol.specification import specification_hash
from inference_client.transport.model_configuration import with_configuration

MODEL = ModelMetadata(name="plain", versions=["1"], platform="onnx", inputs=[], outputs=[])


def configured(**texts: str) -> ModelMetadata:
    parameters = {name: ConfigurationParameter(string_value=text) for name, text in texts.items()}
    return with_configuration(MODEL, ModelConfiguration(max_batch_size=16, parameters=parameters))


def test_what_the_owner_wrote_stands_for_what_our_servers_announce():
    told = configured(labels='["qcd", "top"]', image_spec='{"pixels": 64}', sha256="a", precision="fp16")
    assert told.parameters.max_rows == 16
    assert told.parameters.labels == ["qcd", "top"]
    assert told.parameters.image_spec == {"pixels": 64}
    assert told.parameters.image_spec_hash == specification_hash({"pixels": 64})
    assert (told.parameters.sha256, told.parameters.precision) == ("a", "fp16")


@pytest.mark.parametrize("name", ["labels", "image_spec"])
def test_text_that_is_no_json_of_its_kind_is_refused(name):
    with pytest.raises(MalformedBodyError, match="labels and image_spec of model 'plain' must be JSON"):
        configured(**{name: json.dumps("neither")})


@pytest.mark.parametrize("name", ["labels", "image_spec"])
def test_json_of_any_depth_is_read_or_refused(name):
    for depth in (*range(900, 1020), 100_000):  # decoding and hashing give up at depths of their own
        nested = "[" * depth + "]" * depth
        try:
            configured(**{name: '{"a":' + nested + "}" if name == "image_spec" else nested})
        except MalformedBodyError:
            refused_at = depth
    assert refused_at == 100_000
