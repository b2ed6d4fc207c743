"""Replies over HTTP: always with a length and a digest; errors with a code and the request's id, no more."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

from accelerator_server.errors import (
    BodyTooLargeError,
    RefusedRequestError,
    SlowBodyError,
    TooManyConnectionsError,
)
from accelerator_server.http.compression import choose_encoding, compress
from accelerator_server.http.dialects.base import Reply
from accelerator_server.http.dialects.table import error_dialect
from inference_client.protocol import headers
from inference_client.protocol.codec import body_crc32
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import MAX_ERROR_LENGTH, MAX_NAME_LENGTH, ErrorBody

logger = logging.getLogger(__name__)

SERVER = "accelerator-server"
"""What answers say of their server: no versions, which would tell a stranger what to try."""

_WORTH_PACKING_BYTES = 16 * 1024


@dataclass(slots=True)
class HttpReply:
    """What is sent.

    Attributes:
        status: Of HTTP.
        headers: All but the length and the date.
        body: As it is sent, packed or not.
        code: Why the request was refused, in a word; empty if it was not.
        closes: Nothing more should come over this connection.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    code: str = ""
    closes: bool = False


def http_reply(reply: Reply, asked: Mapping[str, str], status: int = 200) -> HttpReply:
    """Puts an encoded body into a reply, packed as the client likes it.

    Args:
        reply: The body.
        asked: Headers of the request.
        status: Of HTTP.
    """
    body = reply.body
    reply_headers = {"Content-Type": reply.content_type, "Server": SERVER, **reply.headers}
    if len(body) >= _WORTH_PACKING_BYTES:
        reply_headers["Vary"] = "Accept-Encoding"
        if encoding := choose_encoding(asked.get("Accept-Encoding", "")):
            body = compress(body, encoding)
            reply_headers["Content-Encoding"] = encoding
    reply_headers[headers.BODY_CRC32] = body_crc32(body)
    if request_id := asked.get(headers.REQUEST_ID):
        reply_headers[headers.REQUEST_ID] = request_id[:MAX_NAME_LENGTH]
    return HttpReply(status, reply_headers, body)


def reply_to_error(error: Exception, asked: Mapping[str, str], what: str, request_id: str = "") -> HttpReply:
    """The reply to a request that has failed; nothing of an unexpected error is told to the client.

    Args:
        error: Why it has.
        asked: Headers of the request.
        what: The request, for the log.
        request_id: The id that was found in the body; else that of the headers is taken.
    """
    if not isinstance(error, RefusedRequestError | ProtocolError):
        logger.error("%s failed", what, exc_info=error)
        return error_reply("internal error", "internal", 500, asked, request_id)
    reply = error_reply(str(error), error.code, error.status, asked, request_id)
    if isinstance(error, RefusedRequestError):
        reply.headers.update(error.headers)
        if error.retry_after_s:
            reply.headers[headers.RETRY_AFTER] = str(error.retry_after_s)
    reply.closes = isinstance(error, BodyTooLargeError | SlowBodyError | TooManyConnectionsError)
    return reply


def error_reply(
    text: str, code: str, status: int, asked: Mapping[str, str], request_id: str = ""
) -> HttpReply:
    """An error in the dialect of the request."""
    request_id = request_id or asked.get(headers.REQUEST_ID, "")[:MAX_NAME_LENGTH]
    dialect = error_dialect(asked.get("Content-Type", ""))
    reply = http_reply(
        dialect.encode_error(ErrorBody(text[:MAX_ERROR_LENGTH], code, request_id)), asked, status
    )
    reply.code = code
    return reply


def web_response(reply: HttpReply) -> web.Response:
    """The reply as aiohttp sends it."""
    response = web.Response(body=reply.body, status=reply.status, headers=reply.headers)
    if reply.closes:
        response.force_close()
    return response


def http_response(reply: Reply, request: web.Request) -> web.Response:
    """Answers with an encoded body."""
    return web_response(http_reply(reply, request.headers))


def json_response(content: object, request: web.Request) -> web.Response:
    """Answers with a value as JSON."""
    return http_response(Reply(msgspec.json.encode(content), headers.JSON), request)
