"""Packed bodies: smaller, unpacked by the real server, and only where they are offered."""

import gzip
import zlib

import lz4.frame
import numpy as np
import pytest
import zstandard

from inference_client.blocking import BlockingClient
from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.codec import body_crc32
from inference_client.protocol.headers import BODY_CRC32
from inference_client.protocol.messages import InferenceRequest
from inference_client.transport.compression import COMPRESSIONS, pack, packed
from tests.inference_client.images import sparse_request, sums
from tests.inference_client.test_real_server import MODEL_TOML

UNPACK = {
    "none": bytes,
    "deflate": zlib.decompress,
    "gzip": gzip.decompress,
    "zstd": zstandard.decompress,
    "lz4": lz4.frame.decompress,
}


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_what_is_packed_is_unpacked_by_anyone(compression):
    body = b"abc" * 1000
    assert UNPACK[compression](pack(body, compression)) == body


async def test_the_digest_is_that_of_the_packed_body():
    body, headers = bytes(100_000), {BODY_CRC32: "old"}
    small = await packed(body, headers, "zstd")
    assert len(small) < 1000
    assert headers == {"Content-Encoding": "zstd", BODY_CRC32: body_crc32(small)}


async def test_a_body_that_would_grow_goes_as_it_is():
    body, headers = np.random.default_rng(1).bytes(1000), {BODY_CRC32: "old"}
    assert await packed(body, headers, "gzip") == body
    assert headers == {BODY_CRC32: "old"}


async def test_a_server_that_does_not_offer_it_gets_bodies_as_they_are(server, caplog):
    configuration = ClientConfiguration("fake", servers=[server.address], compression="zstd")
    async with InferenceClient(configuration) as client:
        assert sums(await client.infer(sparse_request([1.0]))) == [1.0]
    assert "Content-Encoding" not in server.requests[0]
    assert f"{server.address} does not offer zstd" in caplog.text


@pytest.fixture(scope="module")
def accelerator(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    (folder / "fake" / "1").mkdir(parents=True)
    (folder / "fake" / "1" / "model.toml").write_text(MODEL_TOML)
    with LocalServer(str(folder)) as running:
        yield running.address


def test_the_server_unpacks_them_all_and_the_answers_are_the_same(accelerator):
    images = np.zeros((64, 1, 8, 8), np.float32)
    images[:, 0, 0, 0] = np.arange(64)
    request = InferenceRequest(id="", inputs=[dense_tensor("image", images)])
    sent_bytes, answers = {}, {}
    for compression in COMPRESSIONS:
        configuration = ClientConfiguration("fake", servers=[accelerator], compression=compression)
        with BlockingClient(configuration) as client:
            result = client.infer(request)
            answers[compression] = result.outputs["scores"].tobytes()
            sent_bytes[compression] = client.statistics().sent_bytes
    assert len(set(answers.values())) == 1
    assert all(sent_bytes[one] < sent_bytes["none"] / 5 for one in COMPRESSIONS if one != "none"), sent_bytes
