"""The client and a real tritonserver, where EVENTPROC_TRITON names one (benchmarks/triton.py says how)."""

import asyncio
import os

import numpy as np
import pytest

from benchmarks.triton import find_installation, triton_server, write_model
from inference_client.blocking import BlockingClient
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import InferenceError, ModelMismatchError, ServersUnavailable, UnknownModelError
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import dense_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation
from tests.inference_client.images import sparse_request

pytestmark = pytest.mark.requires("triton")

SPECIFICATION = {"version": 1, "pixels": 8}
CONFIGURATION = """
max_batch_size: 16
input [{ name: "image" data_type: TYPE_FP32 dims: [1, 8, 8] }]
output [{ name: "scores" data_type: TYPE_FP32 dims: [2] }]
dynamic_batching { max_queue_delay_microseconds: 0 }
instance_group [{ kind: KIND_CPU count: 1 }]
parameters { key: "labels" value { string_value: "[\\"QCD\\", \\"top\\"]" } }
parameters { key: "image_spec" value { string_value: "{\\"version\\": 1, \\"pixels\\": 8}" } }
"""
"""Of the model whose answers are recorded too."""

HANG_S = 5
CODE = f"""
import time
import triton_python_backend_utils as triton

class TritonPythonModel:
    def execute(self, requests):
        return [answer(request) for request in requests]

def answer(request):
    images = triton.get_input_tensor_by_name(request, "image").as_numpy().reshape(-1, 64)
    if (images == -1.0).any():
        time.sleep({HANG_S})
    if (images == -2.0).any():
        return triton.InferenceResponse([], triton.TritonError("the model dislikes this image"))
    return triton.InferenceResponse([triton.Tensor("scores", images[:, :2].copy())])
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    installation = find_installation(os.environ)
    repository = tmp_path_factory.mktemp("models")
    write_model(installation, repository, "fake", CODE, CONFIGURATION)
    with triton_server(installation, repository) as server:
        yield server.address


def client(*addresses: str, expectation: ModelExpectation | None = None, **settings) -> InferenceClient:
    configuration = ClientConfiguration("fake", servers=addresses, **({"timeout_s": 30.0} | settings))
    return InferenceClient(configuration, expectation or ModelExpectation())


def pixels(request: InferenceRequest) -> np.ndarray:
    return to_array(request.inputs[0]).reshape(-1, 64)[:, :2]


async def test_its_metadata_and_configuration_are_understood(address):
    async with client(address, expectation=ModelExpectation(image_spec=SPECIFICATION)) as asking:
        parameters = asking.model.parameters
        assert (asking.model.name, asking.model.versions) == ("fake", ["1"])
        assert (parameters.max_rows, parameters.labels) == (16, ["QCD", "top"])
    other = ModelExpectation(image_spec=SPECIFICATION | {"pixels": 9})
    with pytest.raises(ModelMismatchError, match="pixels is 8 in training and 9 here"):
        await client(address, expectation=other).start()


async def test_every_request_gets_its_own_rows_whatever_was_joined_and_split(address):
    requests = [sparse_request(np.arange(1.0, 2 + k % 40)) for k in range(60)]
    async with client(address) as asking:
        results = await asyncio.gather(*(asking.infer(request) for request in requests))
        assert max(asking.statistics().body_rows) == 16
    for request, result in zip(requests, results, strict=True):
        np.testing.assert_array_equal(result.outputs["scores"], pixels(request))
    record = results[0].record
    assert (record.server, record.model_version) == (address, "1")


def test_a_script_asks_it_without_a_loop_of_its_own(address):
    images = np.random.default_rng(1).random((40, 1, 8, 8), np.float32)
    request = InferenceRequest(id="", inputs=[dense_tensor("image", images)])
    with BlockingClient(ClientConfiguration("fake", servers=[address], timeout_s=30.0)) as asking:
        found = asking.infer(request).outputs["scores"]
    np.testing.assert_array_equal(found, images.reshape(40, 64)[:, :2])


async def test_a_model_that_it_lacks_is_told_at_the_start(address):
    configuration = ClientConfiguration("other", servers=[address])
    with pytest.raises(UnknownModelError, match="other"):
        await InferenceClient(configuration).start()


async def test_what_its_model_refuses_reaches_the_caller_in_its_words_and_the_others_are_answered(address):
    async with client(address) as asking:
        good, bad = await asyncio.gather(
            asking.infer(sparse_request([5.0])), asking.infer(sparse_request([-2.0])), return_exceptions=True
        )
        assert isinstance(bad, InferenceError)
        assert "dislikes this image" in str(bad)
        assert good.outputs["scores"].tolist() == [[5.0, 0.0]]


async def test_the_deadline_holds_when_its_model_hangs(address):
    async with client(address, timeout_s=0.5) as asking:
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(ServersUnavailable):  # the deadline, or the last try within it
            await asking.infer(sparse_request([-1.0]))
        assert asyncio.get_running_loop().time() - begun_s < HANG_S - 0.5
    async with client(address) as asking:
        assert (await asking.infer(sparse_request([7.0]))).outputs["scores"].tolist() == [[7.0, 0.0]]


MODEL_TOML = """
backend = "echo"
max_rows = 16
labels = ["QCD", "top"]
image_spec = { version = 1, pixels = 8 }
inputs = [{ name = "image", datatype = "FP32", shape = [-1, 1, 8, 8] }]
outputs = [{ name = "scores", datatype = "FP32", shape = [-1, 2] }]
"""


async def test_it_and_our_own_server_share_the_requests_of_one_client(address, tmp_path):
    folder = tmp_path / "fake" / "1"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL_TOML)
    with LocalServer(str(tmp_path)) as ours:
        async with client(address, ours.address, max_rows=1) as asking:
            requests = [sparse_request([float(k)]) for k in range(1, 300)]
            results = await asyncio.gather(*(asking.infer(request) for request in requests))
    for request, result in zip(requests, results, strict=True):
        np.testing.assert_array_equal(result.outputs["scores"], pixels(request))
    assert {result.record.server for result in results} == {address, ours.address}
