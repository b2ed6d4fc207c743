"""Recordings of a few requests and what a fake model answers."""

from inference_client.protocol.messages import EXTENSIONS, ServerMetadata, TensorMetadata
from inference_client.recording.recorder import Recorder
from inference_client.testing.fake_model import FakeModel
from inference_client.transport.transport import InferenceCall, ModelIdentity
from tests.inference_client.images import small_model, sparse_request

SERVER = ServerMetadata(name="fake", version="1", extensions=list(EXTENSIONS))


def call(*values) -> InferenceCall:
    identity = ModelIdentity("fake", "1")
    return InferenceCall(
        sparse_request(values, f"r-{values[0]}"),
        identity,
        len(values),
        {"scores": TensorMetadata("scores", "FP32", [-1, 2])},
    )


def write(path, *questions, model: FakeModel | None = None) -> None:
    model = model or small_model()
    with Recorder(path) as recorder:
        recorder.server("http://a:1", SERVER)
        recorder.model("http://a:1", "", model.metadata)
        for values in questions:
            asked = call(*values)
            number = recorder.request("http://a:1", asked)
            recorder.reply(number, model.answer(asked.request, "fake"))
