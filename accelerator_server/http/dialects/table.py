"""Content-Type -> dialect."""

import functools

from accelerator_server.errors import UnsupportedMediaTypeError
from accelerator_server.http.dialects.base import Dialect
from accelerator_server.http.dialects.json import JsonDialect
from accelerator_server.http.dialects.msgpack import MsgpackDialect
from inference_client.protocol import headers

JSON_DIALECT: Dialect = JsonDialect()
"""Also the form of errors on all routes that do not infer."""

DIALECTS: dict[str, Dialect] = {
    headers.MSGPACK: MsgpackDialect(),
    headers.JSON: JSON_DIALECT,
    headers.BINARY: JSON_DIALECT,
}
"""JSON with binary tensors differs from plain JSON by a header only."""


def error_dialect(content_type: str) -> Dialect:
    """The dialect of a refusal: that of the request if it has one, else JSON."""
    return DIALECTS.get(_kind(content_type), JSON_DIALECT)


def dialect_of(content_type: str) -> Dialect:
    """The dialect of a body.

    Raises:
        UnsupportedMediaTypeError: There is none for this type.
    """
    dialect = DIALECTS.get(_kind(content_type))
    if dialect is None:
        message = f"content type {content_type[:80]!r} is not read here; send {', '.join(DIALECTS)}"
        raise UnsupportedMediaTypeError(message)
    return dialect


@functools.lru_cache(64)
def _kind(content_type: str) -> str:
    kind = content_type.partition(";")[0].strip().lower()
    return kind or headers.JSON  # clients of Triton name no type
