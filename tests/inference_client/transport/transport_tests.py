"""What every transport must do: each one's test class inherits this and makes a transport to a fake model."""

import asyncio

import pytest

from inference_client.errors import TryTimedOut, UnknownModelError
from inference_client.protocol.arrays import to_array
from inference_client.protocol.messages import TensorMetadata
from inference_client.transport.transport import InferenceCall, ModelIdentity
from tests.inference_client.images import sparse_request


def call(values=(1.0, 2.0), **identity) -> InferenceCall:
    model = ModelIdentity(**({"name": "fake", "version": "1", "sha256": "0" * 64} | identity))
    return InferenceCall(
        sparse_request(values, "r-1"),
        model,
        len(values),
        {"scores": TensorMetadata("scores", "FP32", [-1, 2])},
    )


class TransportTests:
    """Fixtures to supply: `transport`, to an 8x8 fake model, and `slow`, a callable that makes it hang."""

    async def test_it_tells_what_the_server_is(self, transport):
        assert (await transport.read_server_metadata(5.0)).speaks_our_dialect

    async def test_it_tells_the_signature_of_the_model(self, transport):
        for version in ("", "1"):
            model = await transport.read_model_metadata("fake", version, 5.0)
            assert model.inputs[0].shape == [-1, 1, 8, 8]

    @pytest.mark.parametrize(("name", "version"), [("other", ""), ("fake", "2")])
    async def test_a_model_that_is_not_there_is_a_matter_of_configuration(self, transport, name, version):
        with pytest.raises(UnknownModelError, match="fake"):
            await transport.read_model_metadata(name, version, 5.0)

    async def test_it_brings_the_answer_and_its_sizes(self, transport):
        reply = await transport.infer(call(), 5.0)
        assert to_array(reply.response.outputs[0])[:, 0].tolist() == [1.0, 2.0]
        assert reply.response.id == "r-1"
        assert reply.sent_bytes > 0
        assert reply.received_bytes > 0
        assert reply.response.parameters.model_sha256 == "0" * 64

    async def test_it_gives_up_when_the_time_of_the_try_is_over(self, transport, slow):
        slow()
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(TryTimedOut, match=r"did not answer within 0\.1 s"):
            await transport.infer(call(), 0.1)
        assert asyncio.get_running_loop().time() - begun_s < 0.6

    async def test_a_cancelled_call_ends_at_once(self, transport, slow):
        slow()
        task = asyncio.ensure_future(transport.infer(call(), 60.0))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_it_names_its_server(self, transport):
        assert transport.address.startswith("http://")
