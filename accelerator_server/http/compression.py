"""Content-Encoding: how bodies are unpacked within bounds, and in which form a client is answered."""

import zlib
from collections.abc import Callable

import lz4.frame
import zstandard

from accelerator_server.errors import BodyTooLargeError, MalformedRequestError

_MAX_WINDOW_BYTES = 2**27
"""What a zstd decoder may be asked to remember; its own default too."""

_GZIP, _ZLIB = 31, 15
"""zlib's numbers (wbits) for the two containers of deflate."""


def decompress(body: bytes, encoding: str, max_bytes: int) -> bytes:
    """Unpacks a body; never makes more than a byte over the limit of it.

    Args:
        body: As it came.
        encoding: One of ENCODINGS.
        max_bytes: What it may unpack to.

    Raises:
        BodyTooLargeError: It would be larger than `max_bytes`.
        MalformedRequestError: It is not packed like this, or ends early.
    """
    try:
        content = _UNPACK[encoding](body, max_bytes + 1)
    except (zlib.error, zstandard.ZstdError, RuntimeError, EOFError, ValueError) as error:
        message = f"the body is not {encoding}: {error}"
        raise MalformedRequestError(message) from error
    if len(content) > max_bytes:
        message = f"the body unpacks to more than {max_bytes} bytes"
        raise BodyTooLargeError(message)
    return content


def choose_encoding(accept_encoding: str) -> str:
    """The encoding of an answer, ours first of those that a client accepts; empty for none."""
    accepted = set()
    for part in accept_encoding.lower().split(","):
        name, _, quality = part.partition(";")
        if quality.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            accepted.add(name.strip())
    return next((encoding for encoding in _PACK if encoding in accepted), "")


def compress(body: bytes, encoding: str) -> bytes:
    """Packs an answer in one of the encodings that `choose_encoding` gives."""
    return _PACK[encoding](body)


def _inflate(body: bytes, max_bytes: int, container: int) -> bytes:
    decoder = zlib.decompressobj(container)
    content = decoder.decompress(body, max_bytes)
    if len(content) < max_bytes and (not decoder.eof or decoder.unused_data):
        message = "it ends early, or something follows its end"
        raise ValueError(message)
    return content


def _unpack_zstd(body: bytes, max_bytes: int) -> bytes:
    # In pieces, so that what a few bytes unpack to is seen before all of it is there.
    content = bytearray()
    with zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).stream_reader(body) as reader:
        while len(content) < max_bytes and (piece := reader.read(min(2**20, max_bytes - len(content)))):
            content += piece
    return bytes(content)


def _unpack_lz4(body: bytes, max_bytes: int) -> bytes:
    decoder = lz4.frame.LZ4FrameDecompressor()
    content: bytes = decoder.decompress(body, max_length=max_bytes)
    if len(content) < max_bytes and (not decoder.eof or decoder.unused_data):
        message = "it ends early, or something follows its end"
        raise ValueError(message)
    return content


def _pack_lz4(body: bytes) -> bytes:
    packed: bytes = lz4.frame.compress(body)
    return packed


def _pack_gzip(body: bytes) -> bytes:
    encoder = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return encoder.compress(body) + encoder.flush()


_UNPACK: dict[str, Callable[[bytes, int], bytes]] = {
    "zstd": _unpack_zstd,
    "lz4": _unpack_lz4,
    "gzip": lambda body, max_bytes: _inflate(body, max_bytes, _GZIP),
    "deflate": lambda body, max_bytes: _inflate(body, max_bytes, _ZLIB),
}

_PACK: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdCompressor(level=1).compress(body),
    "lz4": _pack_lz4,
    "gzip": _pack_gzip,
}

ENCODINGS = tuple(_UNPACK)
"""Names of all encodings of request bodies."""
