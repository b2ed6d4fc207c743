"""Replies over HTTP: always with a length and a digest; errors with a code and the request's id, no more."""

import msgspec
from aiohttp import web

from accelerator_server.compression import choose_encoding, compress
from accelerator_server.dialects.base import Dialect, Reply
from accelerator_server.errors import (
    BodyTooLargeError,
    RefusedRequestError,
    SlowBodyError,
    TooManyConnectionsError,
)
from inference_client.protocol import headers
from inference_client.protocol.codec import body_crc32
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import MAX_ERROR_LENGTH, MAX_NAME_LENGTH, ErrorBody

SERVER = "accelerator-server"
"""What answers say of their server: no versions, which would tell a stranger what to try."""

_WORTH_PACKING_BYTES = 16 * 1024

BODY_ID = web.RequestKey("body_id", str)
"""Where a route leaves the id that it found in the body, for an error that may follow."""


def http_response(reply: Reply, request: web.Request, status: int = 200) -> web.Response:
    """Wraps an encoded body, with the id of the request that it answers."""
    body = reply.body
    response_headers = {"Content-Type": reply.content_type, "Server": SERVER, **reply.headers}
    if len(body) >= _WORTH_PACKING_BYTES:
        response_headers["Vary"] = "Accept-Encoding"
        if encoding := choose_encoding(request.headers.get("Accept-Encoding", "")):
            body = compress(body, encoding)
            response_headers["Content-Encoding"] = encoding
    response_headers[headers.BODY_CRC32] = body_crc32(body)
    if request_id := request.headers.get(headers.REQUEST_ID):
        response_headers[headers.REQUEST_ID] = request_id[:MAX_NAME_LENGTH]
    return web.Response(body=body, status=status, headers=response_headers)


def json_response(content: object, request: web.Request) -> web.Response:
    """Answers with a value as JSON."""
    return http_response(Reply(msgspec.json.encode(content), headers.JSON), request)


def refusal(
    error: RefusedRequestError | ProtocolError, dialect: Dialect, request: web.Request
) -> web.Response:
    """Answers a request with an error; its connection is closed where nothing more should come over it."""
    response = error_response(str(error), error.code, error.status, dialect, request)
    if isinstance(error, RefusedRequestError):
        response.headers.update(error.headers)
        if error.retry_after_s:
            response.headers[headers.RETRY_AFTER] = str(error.retry_after_s)
    if isinstance(error, BodyTooLargeError | SlowBodyError | TooManyConnectionsError):
        response.force_close()
    return response


def error_response(text: str, code: str, status: int, dialect: Dialect, request: web.Request) -> web.Response:
    """Answers with an error body in the dialect of the request."""
    request_id = request.get(BODY_ID) or request.headers.get(headers.REQUEST_ID, "")[:MAX_NAME_LENGTH]
    body = ErrorBody(text[:MAX_ERROR_LENGTH], code, request_id)
    return http_response(dialect.encode_error(body), request, status)
