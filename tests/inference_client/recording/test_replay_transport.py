"""Answers from a recording: the same outputs, whatever travels together; a miss is told."""

import asyncio

import numpy as np
import pytest

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import RecordingError, UnknownModelError
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.recording.recorder import Recorder
from inference_client.recording.recording import Recording
from inference_client.recording.replay_transport import REPLAY_ADDRESS, Replay
from inference_client.testing.faults import Fault
from tests.inference_client.images import sparse_request, sums
from tests.inference_client.recording.recordings import write
from tests.inference_client.transport.transport_tests import call

WANTED = ClientConfiguration("fake", servers=[REPLAY_ADDRESS], timeout_s=20.0)


@pytest.fixture
async def recorded(server, tmp_path):
    """A recording of six rows in three requests, made by a real client at a real server."""
    path = tmp_path / "six.rec"
    with Recorder(path) as recorder:
        configuration = ClientConfiguration("fake", servers=[server.address], timeout_s=20.0)
        async with InferenceClient(configuration, recorder=recorder) as client:
            for values in ([1.0, 2.0], [3.0], [4.0, 5.0, 6.0]):
                await client.infer(sparse_request(values))
    return path


class TestTransport:
    """The behaviour of transports that has no time in it."""

    async def test_it_tells_what_the_server_was(self, recorded):
        transport = Replay(recorded).connect(REPLAY_ADDRESS)
        assert (await transport.read_server_metadata(5.0)).speaks_our_dialect
        assert transport.address == REPLAY_ADDRESS

    async def test_it_knows_the_model_by_either_version(self, recorded):
        transport = Replay(recorded).connect(REPLAY_ADDRESS)
        for version in ("", "1"):
            assert (await transport.read_model_metadata("fake", version, 5.0)).inputs[0].shape == [
                -1,
                1,
                8,
                8,
            ]

    @pytest.mark.parametrize(("name", "version"), [("other", ""), ("fake", "2")])
    async def test_another_model_is_a_matter_of_configuration(self, recorded, name, version):
        transport = Replay(recorded).connect(REPLAY_ADDRESS)
        with pytest.raises(UnknownModelError, match=f"no model '{name}.*only fake"):
            await transport.read_model_metadata(name, version, 5.0)

    async def test_it_answers_the_call_that_asks(self, recorded):
        reply = await Replay(recorded).connect(REPLAY_ADDRESS).infer(call((3.0,)), 5.0)
        assert reply.response.id == "r-1"
        assert reply.sent_bytes > 0
        assert reply.received_bytes > 0


async def test_rows_get_their_own_answers_however_they_are_joined(recorded):
    async with InferenceClient(WANTED, connect=Replay(recorded).connect) as client:
        results = await asyncio.gather(
            *(client.infer(sparse_request([v])) for v in (1.0, 3.0)), client.infer(sparse_request([4.0]))
        )
    # A row's content is its pixel's place and value: 2.0 is in the second place only.
    assert [sums(result) for result in results] == [[1.0], [3.0], [4.0]]


async def test_whole_requests_get_the_recorded_bits_and_the_record_of_who_computed_them(recorded):
    async with InferenceClient(WANTED, connect=Replay(recorded).connect) as client:
        result = await client.infer(sparse_request([4.0, 5.0, 6.0]))
    assert result.outputs["scores"].dtype == np.float32
    assert sums(result) == [4.0, 5.0, 6.0]
    assert result.record.server == REPLAY_ADDRESS
    assert result.record.backend == "fake"
    assert result.record.model_sha256 == "0" * 64


async def test_a_row_that_was_not_recorded_is_an_error_that_says_so(recorded):
    async with InferenceClient(WANTED, connect=Replay(recorded).connect) as client:
        with pytest.raises(
            RecordingError,
            match=r"six\.rec has no answer to row 1 \(digest [0-9a-f]{12}\) of a request for model 'fake': "
            r"it holds 6 rows",
        ):
            await client.infer(sparse_request([1.0, 77.0]))


async def test_another_encoding_of_a_recorded_row_is_another_question(recorded):
    dense = dense_tensor("image", np.ones((1, 1, 8, 8), np.float32))
    async with InferenceClient(WANTED, connect=Replay(recorded).connect) as client:
        with pytest.raises(RecordingError, match="has no answer"):
            await client.infer(InferenceRequest(id="", inputs=[dense]))


async def test_a_recording_cut_short_answers_what_is_whole_and_warns(recorded, tmp_path, caplog):
    cut = tmp_path / "cut.rec"
    cut.write_bytes(recorded.read_bytes()[:-200])
    replay = Replay(cut)
    assert "is torn" in caplog.text
    async with InferenceClient(WANTED, connect=replay.connect) as client:
        assert sums(await client.infer(sparse_request([1.0, 2.0]))) == [1.0, 2.0]
        with pytest.raises(RecordingError, match="is torn"):
            await client.infer(sparse_request([4.0, 5.0, 6.0]))


async def test_a_recording_without_a_server_cannot_answer(tmp_path):
    path = tmp_path / "empty.rec"
    with Recorder(path):
        pass
    with pytest.raises(RecordingError, match="holds no server"):
        Replay(path)


async def test_retries_are_recorded_as_they_went(server, tmp_path):
    path = tmp_path / "a.rec"
    server.faults.append(Fault.RESET)
    with Recorder(path) as recorder:
        configuration = ClientConfiguration("fake", servers=[server.address], timeout_s=20.0)
        async with InferenceClient(configuration, recorder=recorder) as client:
            await client.infer(sparse_request([1.0]))
    with Recording(path) as recording:
        failed, answered = recording.exchanges
        assert failed.error == "ConnectionLost"
        assert answered.error == ""
        assert recording.request(failed) == recording.request(answered)


async def test_no_token_is_in_a_recording(server, tmp_path):
    server.token = "s3cret-t0ken"
    token_file = tmp_path / "token"
    token_file.write_text(server.token)
    token_file.chmod(0o600)
    path = tmp_path / "a.rec"
    configuration = ClientConfiguration(
        "fake", servers=[server.address], timeout_s=20.0, token_file=str(token_file), client_id="who-i-am"
    )
    with Recorder(path) as recorder:
        async with InferenceClient(configuration, recorder=recorder) as client:
            await client.infer(sparse_request([1.0]))
    assert server.requests[0]["Authorization"] == "Bearer s3cret-t0ken"
    content = path.read_bytes()
    assert b"fake" in content
    for secret in (b"s3cret", b"Bearer", b"who-i-am"):
        assert secret not in content


def test_equal_rows_get_the_first_answer(tmp_path):
    path = tmp_path / "a.rec"
    write(path, [1.0], [1.0])
    assert len(Replay(path).answers._rows) == 1
