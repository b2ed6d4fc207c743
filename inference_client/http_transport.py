"""The way to a server over HTTP; here, and only here, what aiohttp raises becomes our errors."""

import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple

import aiohttp

from inference_client.errors import (
    BadReply,
    ConnectionLost,
    CredentialsError,
    InferenceError,
    ServerUnreachable,
    TryTimedOut,
)
from inference_client.expiry import within
from inference_client.protocol import headers, routes
from inference_client.protocol.codec import (
    body_crc32,
    check_crc32,
    decode_error,
    decode_json_error,
    decode_model_metadata,
    decode_response,
    decode_server_metadata,
    encode_request,
)
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import ErrorBody, ModelMetadata, ServerMetadata
from inference_client.replies import check_reply
from inference_client.statuses import OK, metadata_refusal, refusal
from inference_client.transport import InferenceCall, Reply

MAX_REPLY_BYTES = 2**28
KEEP_ALIVE_S = 10.0
"""Shorter than a server keeps an idle connection, so that no request meets a closing one."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What all servers of a client have in common.

    Attributes:
        connect_timeout_s: Longest wait for a connection.
        client_id: Who asks.
        token: Bearer token; empty for none.
    """

    connect_timeout_s: float
    client_id: str
    token: str


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpTransport:
    """Talks to one server over kept connections.

    Args:
        address: http://host:port or https://host:port.
        options: What all servers have in common.
        certificates: What to trust for https; reading the system's takes 60 ms, so http goes without.
    """

    def __init__(
        self, address: str, options: HttpOptions, certificates: ssl.SSLContext | None = None
    ) -> None:
        self._address = address
        self._options = options
        common = {"Accept-Encoding": "identity", headers.CLIENT_ID: options.client_id}
        if options.token:
            common["Authorization"] = f"Bearer {options.token}"
        self._session = aiohttp.ClientSession(
            base_url=address,
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=certificates or True),
            headers=common,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    @property
    def address(self) -> str:
        """The server's address."""
        return self._address

    async def read_server_metadata(self, timeout_s: float) -> ServerMetadata:
        """Asks what the server is and which dialects it speaks.

        Raises:
            TryFailed: No answer, or nonsense.
            ConfigurationError: The server does not take the client's credentials.
        """
        body = await self._get(routes.SERVER, timeout_s)
        with self._bad_replies("metadata"):
            return decode_server_metadata(body)

    async def read_model_metadata(self, name: str, version: str, timeout_s: float) -> ModelMetadata:
        """Asks for a model's signature; an empty version means the server's choice.

        Raises:
            TryFailed: No answer, or nonsense.
            ConfigurationError: No such model, or the credentials are not taken.
        """
        body = await self._get(routes.model_path(name, version), timeout_s)
        with self._bad_replies(f"metadata of model {name!r}"):
            return decode_model_metadata(body)

    async def infer(self, call: InferenceCall, timeout_s: float) -> Reply:
        """Sends one body and waits for its answer.

        Raises:
            TryFailed: No answer, or nonsense.
            RequestRefused: The server refuses this body for good.
            ConfigurationError: The server does not take the client's credentials.
        """
        begun_s = time.perf_counter()
        body = encode_request(call.request)
        request_headers = {
            "Content-Type": headers.MSGPACK,
            "Accept": headers.MSGPACK,
            headers.REQUEST_ID: call.request.id,
            headers.BODY_CRC32: body_crc32(body),
            headers.DEADLINE_MS: str(max(1, int(timeout_s * 1000))),
        }
        encode_s = time.perf_counter() - begun_s
        path = routes.infer_path(call.model.name, call.model.version)
        answer = await self._exchange("POST", path, timeout_s, body, request_headers)
        doing = f"request {call.request.id} for model {call.model.name!r}"
        if answer.status != OK:
            said = _error_body(answer)
            retry_after = answer.headers.get(headers.RETRY_AFTER, "")
            raise refusal(self._address, doing, answer.status, said.error, said.code, retry_after)
        with self._bad_replies(doing):
            check_crc32(answer.body, answer.headers.get(headers.BODY_CRC32, "none"))
            response = decode_response(answer.body)
        check_reply(call, response, self._address)
        return Reply(response, len(body), len(answer.body), encode_s)

    async def close(self) -> None:
        """Closes all connections; exchanges under way fail."""
        await self._session.close()

    async def _get(self, path: str, timeout_s: float) -> bytes:
        answer = await self._exchange("GET", path, timeout_s, None, {"Accept": headers.JSON})
        if answer.status != OK:
            said = _error_body(answer)
            retry_after = answer.headers.get(headers.RETRY_AFTER, "")
            raise metadata_refusal(
                self._address, f"GET {path}", answer.status, said.error, said.code, retry_after
            )
        return answer.body

    async def _exchange(
        self, method: str, path: str, timeout_s: float, body: bytes | None, extra: Mapping[str, str]
    ) -> _Answer:
        with self._translated_errors(timeout_s):
            return await within(timeout_s, self._send(method, path, timeout_s, body, extra))

    async def _send(
        self, method: str, path: str, timeout_s: float, body: bytes | None, extra: Mapping[str, str]
    ) -> _Answer:
        # `within` bounds the whole exchange; aiohttp's own timers would cut off an answer already received.
        connect_s = min(self._options.connect_timeout_s, timeout_s)
        timeouts = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=None)
        async with self._session.request(
            method, path, data=body, headers=extra, timeout=timeouts, allow_redirects=False
        ) as response:
            self._check_framing(response)
            return _Answer(response.status, response.headers, await response.read())

    def _check_framing(self, response: aiohttp.ClientResponse) -> None:
        length = response.headers.get("Content-Length")
        if length is None:
            complaint = "a reply without Content-Length, of which a part could be missing"
        elif int(length) > MAX_REPLY_BYTES:
            complaint = f"a reply of {length} bytes, over {MAX_REPLY_BYTES}"
        elif response.headers.get("Content-Encoding", "identity") != "identity":
            complaint = f"Content-Encoding {response.headers['Content-Encoding'][:40]!r}, not asked for"
        else:
            return
        message = f"{self._address} answered with {complaint}"
        raise BadReply(message)

    @contextmanager
    def _translated_errors(self, timeout_s: float) -> Iterator[None]:
        try:
            yield
        except InferenceError:
            raise
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
            message = f"{self._address}: the TLS connection failed: {error}"
            raise CredentialsError(message) from error
        except aiohttp.ClientConnectorError as error:
            message = f"{self._address} cannot be reached: {error.strerror or error}"
            raise ServerUnreachable(message) from error
        except aiohttp.ConnectionTimeoutError as error:
            message = f"{self._address} cannot be reached: no connection in time"
            raise ServerUnreachable(message) from error
        except TimeoutError as error:
            message = f"{self._address} did not answer within {timeout_s:.3g} s"
            raise TryTimedOut(message) from error
        except aiohttp.ClientResponseError as error:
            message = f"{self._address} answered with something that is not HTTP: {error.message[:200]}"
            raise BadReply(message) from error
        except (aiohttp.ClientError, OSError) as error:
            message = f"{self._address} closed the connection before it answered ({type(error).__name__})"
            raise ConnectionLost(message) from error

    @contextmanager
    def _bad_replies(self, doing: str) -> Iterator[None]:
        try:
            yield
        except ProtocolError as error:
            message = f"{self._address} answered {doing} with nonsense: {error}"
            raise BadReply(message) from error


def _error_body(answer: _Answer) -> ErrorBody:
    is_msgpack = answer.headers.get("Content-Type", "").startswith(headers.MSGPACK)
    try:
        return (decode_error if is_msgpack else decode_json_error)(answer.body)
    except ProtocolError:
        return ErrorBody(error=answer.body[:200].decode("ascii", "replace").strip())
