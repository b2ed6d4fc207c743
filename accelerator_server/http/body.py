"""Receives the body of a request within bounds of size and time, and checks its digest."""

import asyncio
from collections.abc import Mapping

from aiohttp import StreamReader, web

from accelerator_server.config import ServerConfig
from accelerator_server.errors import (
    BodyTooLargeError,
    MalformedRequestError,
    SlowBodyError,
    UnsupportedMediaTypeError,
)
from accelerator_server.http.compression import ENCODINGS, decompress
from inference_client.protocol import headers
from inference_client.protocol.codec import check_crc32

_AS_IT_IS = "identity"


async def read_body(request: web.Request, config: ServerConfig) -> bytes:
    """Reads a body and unpacks it.

    Raises:
        UnsupportedMediaTypeError: It is compressed in a way that is not known here.
        BodyTooLargeError: It is larger than the server accepts; not read further.
        SlowBodyError: It did not arrive in time.
        MalformedRequestError: It ended early.
        DigestMismatchError: It is not what its sender says it is.
    """
    encoding = request.headers.get("Content-Encoding", _AS_IT_IS).lower()
    if encoding != _AS_IT_IS and encoding not in ENCODINGS:
        message = f"content encoding {encoding[:40]!r} is not read here; there are {', '.join(ENCODINGS)}"
        raise UnsupportedMediaTypeError(message)
    try:
        if request.content.is_eof():  # it came with the headers, as small ones do
            body = request.content.read_nowait()
        elif (request.content_length or 0) > config.max_body_bytes:
            raise _too_large(config)
        else:
            async with asyncio.timeout(config.body_timeout_s):
                body = await _read_pieces(request.content, config)
    except TimeoutError:
        message = f"the body did not arrive within {config.body_timeout_s:g} s"
        raise SlowBodyError(message) from None
    except web.RequestPayloadError:
        message = "the body ended early"
        raise MalformedRequestError(message) from None
    if len(body) > config.max_body_bytes:
        raise _too_large(config)
    check_digest(body, request.headers)
    if encoding != _AS_IT_IS:
        # In a thread: the loop would be away for as long as a bomb takes to reach the limit.
        body = await asyncio.to_thread(decompress, body, encoding, config.max_body_bytes)
    return body


def check_digest(body: bytes, asked: Mapping[str, str]) -> None:
    """Compares a body, as it came, with the digest among the headers, if there is one.

    Raises:
        DigestMismatchError: They differ.
    """
    if digest := asked.get(headers.BODY_CRC32):
        check_crc32(body, digest)


async def _read_pieces(stream: StreamReader, config: ServerConfig) -> bytes:
    """Joins what arrives; each byte is copied once, by `request.read` it would be twice."""
    stream.set_read_chunk_size(config.max_body_bytes)  # or the sender is stopped and started all the time
    pieces = []
    n_bytes = 0
    while n_bytes <= config.max_body_bytes and (piece := await stream.readany()):
        pieces.append(piece)
        n_bytes += len(piece)
    return b"".join(pieces)


def _too_large(config: ServerConfig) -> BodyTooLargeError:
    return BodyTooLargeError(f"the body has more than {config.max_body_bytes} bytes")
