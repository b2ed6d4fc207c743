"""The way to a server over HTTP; here, and only here, what aiohttp raises becomes our errors."""

import logging
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
    HandshakeLost,
    InferenceError,
    ServerFault,
    ServerUnreachable,
    TryTimedOut,
    UnknownModelError,
)
from inference_client.protocol import headers, routes
from inference_client.protocol.binary_tensors import decode_model_configuration
from inference_client.protocol.codec import decode_model_metadata, decode_server_metadata
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import ModelMetadata, ServerMetadata
from inference_client.transport.compression import Compression, packed
from inference_client.transport.connector import Connector
from inference_client.transport.dialects import OWN, Dialect, dialect_of
from inference_client.transport.expiry import within
from inference_client.transport.model_configuration import with_configuration
from inference_client.transport.replies import check_reply
from inference_client.transport.statuses import OK, metadata_refusal, refusal
from inference_client.transport.transport import InferenceCall, Reply

_LOG = logging.getLogger(__name__)

MAX_REPLY_BYTES = 2**28
_CONNECTING = 0.9
"""Of the time of a try: who took no connection is told from who did not answer."""
_ASKING = {"Accept": headers.JSON}
_ASKING_LAST = {**_ASKING, "Connection": "close"}
"""Our servers take a shorter way with connections that bring nothing but inference."""

_DAMAGED = ("BAD_RECORD_MAC", "DECRYPT_ERROR")
"""What OpenSSL says of bytes that were changed, here or, by an alert, on the other side (RFC 8446, 6.2)."""

_TLS_HINTS = {
    "WRONG_VERSION_NUMBER": "it may speak http:// only",  # OpenSSL's word for an answer in plain text
    "self-signed certificate": "ca_file names authorities of your own",
    "unable to get local issuer certificate": "ca_file names authorities of your own",
}
"""What OpenSSL says -> what may help."""


@dataclass(frozen=True, slots=True)
class HttpOptions:
    """What all servers of a client have in common.

    Attributes:
        connect_timeout_s: Longest wait for a connection.
        client_id: Who asks.
        token: Bearer token; empty for none.
        compression: How bodies are packed for servers that offer it.
        max_reply_bytes: A larger reply is refused; no more than this of it is kept in memory.
    """

    connect_timeout_s: float
    client_id: str
    token: str
    compression: Compression = "none"
    max_reply_bytes: int = MAX_REPLY_BYTES


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
        self._dialect: Dialect = OWN  # as the server's metadata said last, like the next
        self._compression: Compression = "none"
        self._is_secure = certificates is not None
        self._was_answered = False
        common = {"Accept-Encoding": "identity", headers.CLIENT_ID: options.client_id}
        if options.token:
            common["Authorization"] = f"Bearer {options.token}"
        self._session = aiohttp.ClientSession(
            base_url=address,
            connector=Connector(certificates),
            headers=common,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )

    @property
    def address(self) -> str:
        """The server's address."""
        return self._address

    async def read_server_metadata(self, timeout_s: float) -> ServerMetadata:
        """Asks what the server is and which dialects it speaks; what is sent later follows that.

        Raises:
            TryFailed: No answer, or nonsense.
            ConfigurationError: The server does not take the credentials, or speaks no dialect of ours.
        """
        body = await self._get(routes.SERVER, timeout_s)
        with self._bad_replies("metadata"):
            metadata = decode_server_metadata(body)
        self._dialect = dialect_of(metadata, self._address)
        self._compression = self._agreed_compression(metadata)
        return metadata

    async def read_model_metadata(self, name: str, version: str, timeout_s: float) -> ModelMetadata:
        """Asks for a model's signature; an empty version means the server's choice.

        Raises:
            TryFailed: No answer, or nonsense.
            ConfigurationError: No such model, or the credentials are not taken.
        """
        asking = _ASKING_LAST if self._dialect.has_record else _ASKING
        body = await self._get(routes.model_path(name, version), timeout_s, asking)
        with self._bad_replies(f"metadata of model {name!r}"):
            model = decode_model_metadata(body)
        return model if self._dialect.has_record else await self._configured(model, version, timeout_s)

    async def infer(self, call: InferenceCall, timeout_s: float) -> Reply:
        """Sends one body and waits for its answer.

        Raises:
            TryFailed: No answer, or nonsense.
            RequestRefused: The server refuses this body for good.
            ConfigurationError: The server does not take the client's credentials.
        """
        dialect = self._dialect
        begun_s = time.perf_counter()
        body, request_headers = dialect.encode(call.request, timeout_s)
        if self._compression != "none":
            body = await packed(body, request_headers, self._compression)
        encode_s = time.perf_counter() - begun_s
        path = routes.infer_path(call.model.name, call.model.version)
        answer = await self._exchange("POST", path, timeout_s, body, request_headers)
        doing = f"request {call.request.id} for model {call.model.name!r}"
        if answer.status != OK:
            said = dialect.decode_error(answer.body, answer.headers)
            retry_after = answer.headers.get(headers.RETRY_AFTER, "")
            raise refusal(self._address, doing, answer.status, said.error, said.code, retry_after)
        with self._bad_replies(doing):
            response = dialect.decode(call, answer.body, answer.headers)
        check_reply(call, response, self._address)
        return Reply(response, len(body), len(answer.body), encode_s)

    async def close(self) -> None:
        """Closes all connections; exchanges under way fail."""
        await self._session.close()

    async def _configured(self, model: ModelMetadata, version: str, timeout_s: float) -> ModelMetadata:
        path = f"{routes.model_path(model.name, version)}/config"
        try:
            body = await self._get(path, timeout_s)
        except (UnknownModelError, ServerFault):
            return model  # the configuration is an extension that a server may lack
        with self._bad_replies(f"configuration of model {model.name!r}"):
            return with_configuration(model, decode_model_configuration(body))

    async def _get(self, path: str, timeout_s: float, asking: Mapping[str, str] = _ASKING) -> bytes:
        answer = await self._exchange("GET", path, timeout_s, None, asking)
        if answer.status != OK:
            said = self._dialect.decode_error(answer.body, answer.headers)
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
        connect_s = min(self._options.connect_timeout_s, _CONNECTING * timeout_s)
        timeouts = aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=None)
        async with self._session.request(
            method, path, data=body, headers=extra, timeout=timeouts, allow_redirects=False
        ) as response:
            self._was_answered = True
            self._check_framing(response, needs_length=method == "POST" and self._dialect.needs_length)
            return _Answer(response.status, response.headers, await self._read(response))

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Reads a reply; one whose length nobody said is given up at the first byte over the bound."""
        if response.content_length is not None:  # checked before
            return await response.read()
        body = bytearray()
        async for piece in response.content.iter_any():
            body += piece
            if len(body) > (most := self._options.max_reply_bytes):
                message = f"{self._address} answered with a reply without length of over {most} bytes"
                raise BadReply(message)
        return bytes(body)

    def _agreed_compression(self, server: ServerMetadata) -> Compression:
        wanted = self._options.compression
        if wanted == "none" or wanted in server.extensions:
            return wanted
        _LOG.warning("%s does not offer %s: bodies go to it as they are", self._address, wanted)
        return "none"

    def _check_framing(self, response: aiohttp.ClientResponse, *, needs_length: bool) -> None:
        length = response.headers.get("Content-Length")
        is_chunked = response.headers.get("Transfer-Encoding", "") == "chunked"
        if length is None and (needs_length or not is_chunked):
            complaint = "a reply without Content-Length, of which a part could be missing"
        elif length is not None and int(length) > self._options.max_reply_bytes:
            complaint = f"a reply of {length} bytes, over {self._options.max_reply_bytes}"
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
        except aiohttp.ClientConnectorCertificateError as error:
            raise CredentialsError(self._tls_failed(error)) from error
        except aiohttp.ClientConnectorSSLError as error:
            message = self._tls_failed(error)
            if self._was_answered:  # once it has worked, it is damage on the way
                raise ServerUnreachable(message) from error
            raise (HandshakeLost if _is_damage(error) else CredentialsError)(message) from error
        except aiohttp.ClientConnectorError as error:
            if self._is_secure and isinstance(error.os_error, ConnectionResetError):
                raise self._handshake_lost() from error
            message = f"{self._address} cannot be reached: {error.strerror or error}"
            raise ServerUnreachable(message) from error
        except aiohttp.ConnectionTimeoutError as error:
            message = f"{self._address} cannot be reached: no connection in time"
            raise ServerUnreachable(message) from error
        except TimeoutError as error:
            message = f"{self._address} did not answer within {timeout_s:.3g} s"
            raise TryTimedOut(message) from error
        except aiohttp.ClientResponseError as error:
            told = error.message[:200].encode(errors="backslashreplace").decode()  # headers may be any bytes
            message = f"{self._address} answered with something that is not HTTP: {told}"
            raise BadReply(message) from error
        except (aiohttp.ClientError, OSError) as error:
            if self._is_secure and not self._was_answered:
                if _is_tls(error) and not _is_damage(error):
                    message = f"{self._address}: the TLS connection was refused: {error}"
                    raise CredentialsError(message) from error
                raise self._handshake_lost() from error
            hint = "" if self._is_secure or self._was_answered else "; it may speak https:// only"
            message = (
                f"{self._address} closed the connection before it answered ({type(error).__name__}){hint}"
            )
            raise ConnectionLost(message) from error

    def _tls_failed(self, error: Exception) -> str:
        hint = next((f"; {hint}" for said, hint in _TLS_HINTS.items() if said in str(error)), "")
        return f"{self._address}: the TLS connection failed: {error}{hint}"

    def _handshake_lost(self) -> HandshakeLost:
        message = (
            f"{self._address} ended the TLS connection before it answered anything; certificate_file names a "
            "certificate of the client, should it demand one"
        )
        return HandshakeLost(message)

    @contextmanager
    def _bad_replies(self, doing: str) -> Iterator[None]:
        try:
            yield
        except ProtocolError as error:
            message = f"{self._address} answered {doing} with nonsense: {error}"
            raise BadReply(message) from error


def _is_tls(error: BaseException) -> bool:
    """Whether an alert of the other side ended a connection; aiohttp makes an error of its own of it."""
    return isinstance(error, OSError) and "[SSL" in str(error)


def _is_damage(error: BaseException) -> bool:
    """Whether bytes of a TLS connection changed on their way: no setting of either side does that."""
    return any(reason in str(error) for reason in _DAMAGED)
