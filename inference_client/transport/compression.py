"""Packs bodies for distant servers; dense tensors gain from it, sparse ones hardly."""

import asyncio
import zlib
from collections.abc import Callable
from typing import Literal

import lz4.frame
import zstandard

from inference_client.protocol import headers
from inference_client.protocol.codec import body_crc32

Compression = Literal["none", "deflate", "gzip", "zstd", "lz4"]
"""`none`, `deflate` and `gzip` are SonicTriton's; the others are quicker."""

IN_A_THREAD_BYTES = 2**16
"""A larger body takes longer to pack than a loop should be away."""

_LEVEL = 1
_GZIP, _ZLIB = 31, 15
"""zlib's numbers (wbits) for the two containers of deflate."""


def pack(body: bytes, compression: Compression) -> bytes:
    """Packs a body; `none` leaves it as it is."""
    return _PACK[compression](body)


async def packed(body: bytes, request_headers: dict[str, str], compression: Compression) -> bytes:
    """Packs a body where that makes it smaller, and says so in its headers.

    Args:
        body: As the dialect wrote it.
        request_headers: Of this body; changed.
        compression: What the server offers.
    """
    if len(body) > IN_A_THREAD_BYTES:
        smaller = await asyncio.to_thread(pack, body, compression)
    else:
        smaller = pack(body, compression)
    if len(smaller) >= len(body):
        return body
    request_headers["Content-Encoding"] = compression
    if headers.BODY_CRC32 in request_headers:
        request_headers[headers.BODY_CRC32] = body_crc32(smaller)
    return smaller


def _deflate(body: bytes, container: int) -> bytes:
    encoder = zlib.compressobj(_LEVEL, zlib.DEFLATED, container)
    return encoder.compress(body) + encoder.flush()


def _lz4(body: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(body)
    return packed


_PACK: dict[Compression, Callable[[bytes], bytes]] = {
    "none": lambda body: body,
    "deflate": lambda body: _deflate(body, _ZLIB),
    "gzip": lambda body: _deflate(body, _GZIP),
    "zstd": lambda body: zstandard.ZstdCompressor(level=_LEVEL).compress(body),
    "lz4": _lz4,
}

COMPRESSIONS = tuple(_PACK)
