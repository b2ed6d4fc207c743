"""Compression: every encoding there and back, damaged ones refused, bombs bounded in time and memory."""

import resource
import zlib

import lz4.frame
import numpy as np
import pytest
import zstandard

from accelerator_server.errors import BodyTooLargeError, MalformedRequestError
from accelerator_server.http.compression import ENCODINGS, choose_encoding, compress, decompress
from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import to_array
from tests.accelerator_server.answers import INFER, infer, refused
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running

BODY = b"images" * 1000


def packed(content: bytes, encoding: str) -> bytes:
    return zlib.compress(content) if encoding == "deflate" else compress(content, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_body_comes_out_as_it_went_in(encoding):
    assert decompress(packed(BODY, encoding), encoding, len(BODY)) == BODY
    assert decompress(packed(b"", encoding), encoding, 10) == b""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_one_byte_over_the_limit_is_too_large(encoding):
    with pytest.raises(BodyTooLargeError, match="more than 5999 bytes"):
        decompress(packed(BODY, encoding), encoding, len(BODY) - 1)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_is_not_packed_is_refused(encoding):
    for body in (b"plainly not packed", BODY[:10]):
        with pytest.raises(MalformedRequestError, match=f"is not {encoding}"):
            decompress(body, encoding, 10**6)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "lz4"])
def test_a_body_that_ends_early_or_late_is_refused(encoding):
    whole = packed(BODY, encoding)
    for body in (whole[:-3], whole + b"more"):
        with pytest.raises(MalformedRequestError):
            decompress(body, encoding, 10**6)


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", ""),
        ("identity", ""),
        ("gzip, deflate", "gzip"),
        ("gzip;q=0.5, zstd", "zstd"),
        ("lz4, zstd;q=0", "lz4"),
        ("GZIP", "gzip"),
        ("br", ""),
    ],
)
def test_the_client_is_answered_in_what_it_accepts(accepted, chosen):
    assert choose_encoding(accepted) == chosen


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_packed_request_is_answered(tmp_path, encoding):
    write_model(tmp_path)
    async with running(tmp_path) as session:
        body = packed(codec.encode_request(request_of([[1, 2, 3, 4]])), encoding)
        digest = {headers.BODY_CRC32: codec.body_crc32(body)}
        response = await infer(session, body, **{"Content-Encoding": encoding}, **digest)
    assert to_array(response.outputs[0]).tolist() == [[1, 2]]


async def test_large_answers_are_packed_for_those_who_accept_it(tmp_path):
    write_model(tmp_path, outputs=(("y", "FP32", [-1, 4]),), keys="max_rows = 4096")
    rows = np.arange(4 * 4096).reshape(-1, 4)
    async with running(tmp_path) as session:
        for accepted, expected in (("gzip", "gzip"), ("identity", None)):
            arguments = posting(request_of(rows), **{"Accept-Encoding": accepted})
            async with session.post(INFER, **arguments) as reply:
                assert reply.status == 200
                assert reply.headers.get("Content-Encoding") == expected
                assert int(reply.headers["Content-Length"]) > 1000


BOMB_BYTES = 2**27


@pytest.mark.parametrize("encoding", ENCODINGS)
async def test_a_bomb_is_refused_before_it_has_grown(tmp_path, encoding):
    bombs = {
        "zstd": lambda: zstandard.ZstdCompressor(level=1).compress(bytes(BOMB_BYTES)),
        "lz4": lambda: lz4.frame.compress(bytes(BOMB_BYTES)),
    }
    bomb = bombs.get(encoding, lambda: packed(bytes(BOMB_BYTES), encoding))()
    write_model(tmp_path)
    async with running(tmp_path, max_body_bytes=2**21) as session:
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        arguments = posting(bomb, **{"Content-Encoding": encoding})
        assert (await refused(session, **arguments))[:2] == (413, "body_too_large")
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 2 * 2**21 / 1024 + 8 * 1024
