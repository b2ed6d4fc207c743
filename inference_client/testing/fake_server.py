"""A server in this process on a real socket: answers from a fake model, late or wrong when told to."""

import asyncio
import ssl
from collections import deque
from collections.abc import Mapping
from typing import Self

from aiohttp import web

from inference_client.protocol import headers, routes
from inference_client.protocol.codec import (
    body_crc32,
    check_crc32,
    decode_request,
    encode_error,
    encode_json,
    encode_response,
)
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import EXTENSIONS, ErrorBody, ServerMetadata
from inference_client.testing.bad_answers import HTTP_REFUSALS, spoilt_message, spoilt_wire
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.faults import Fault

MAX_BODY_BYTES = 2**28
_STOP_S = 0.01


class FakeServer:
    """Serves one fake model; `async with` starts and stops it.

    Attributes:
        model: What it serves.
        delay_s: Time that every inference takes, whatever else is under way.
        faults: What the next inference requests meet, in order; None among them is a good answer.
        always: What every inference request meets that finds no entry in `faults`.
        token: Bearer token that it demands; empty for none.
        tls: What it shows and demands where it speaks https; set before the start.
        extensions: What it announces.
        requests: Headers of the inference requests that came, answered or not.
        most_at_once: Most inference requests that were inside at one time.
        cancelled: Inference requests whose client went away.
        held: While it is cleared, inference requests wait.
    """

    def __init__(self, model: FakeModel | None = None, delay_s: float = 0.0) -> None:
        self.model = model or FakeModel()
        self.delay_s = delay_s
        self.faults: deque[Fault | None] = deque()
        self.always: Fault | None = None
        self.token = ""
        self.tls: ssl.SSLContext | None = None
        self.extensions = list(EXTENSIONS)
        self.requests: list[Mapping[str, str]] = []
        self.most_at_once = 0
        self.cancelled = 0
        self._n_inside = 0
        self.held = asyncio.Event()
        self.held.set()
        self._arrival = asyncio.Condition()
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def address(self) -> str:
        """Its address; the port stays the same over stops and starts."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    async def start(self) -> None:
        """Opens the socket."""
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_get(routes.SERVER, self._server_metadata)
        app.router.add_get("/v2/models/{model}", self._model_metadata)
        app.router.add_get("/v2/models/{model}/versions/{version}", self._model_metadata)
        app.router.add_post("/v2/models/{model}/infer", self._infer)
        app.router.add_post("/v2/models/{model}/versions/{version}/infer", self._infer)
        self._runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=_STOP_S, access_log=None
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, ssl_context=self.tls)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Closes the socket and all connections at once."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def arrived(self, n_requests: int) -> None:
        """Waits until so many inference requests have come in all."""
        async with self._arrival:
            await self._arrival.wait_for(lambda: len(self.requests) >= n_requests)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_ending: object) -> None:
        await self.stop()

    async def _server_metadata(self, request: web.Request) -> web.Response:
        metadata = ServerMetadata(name="fake", version="1", extensions=self.extensions)
        return self._denied(request) or _json(200, encode_json(metadata))

    async def _model_metadata(self, request: web.Request) -> web.Response:
        complaint = self._denied(request)
        if complaint is None and not self._has_model(request):
            reason = f"there is no such model; there is {self.model.metadata.name}"
            complaint = _json(404, encode_json(ErrorBody(error=reason, code="no_model")))
        return complaint or _json(200, encode_json(self.model.metadata))

    def _has_model(self, request: web.Request) -> bool:
        versions = ("", *self.model.metadata.versions)
        found = request.match_info
        return found["model"] == self.model.metadata.name and found.get("version", "") in versions

    def _denied(self, request: web.Request) -> web.Response | None:
        if not self.token or request.headers.get("Authorization") == f"Bearer {self.token}":
            return None
        return _json(401, encode_json(ErrorBody(error="the token is missing or wrong", code="token")))

    async def _infer(self, request: web.Request) -> web.StreamResponse:
        async with self._arrival:
            self.requests.append(request.headers)
            self._arrival.notify_all()
        fault = self.faults.popleft() if self.faults else self.always
        self._n_inside += 1
        self.most_at_once = max(self.most_at_once, self._n_inside)
        try:
            body = await request.read()
            await self.held.wait()
            await asyncio.sleep(self.delay_s)
            if fault is Fault.HANG:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        finally:
            self._n_inside -= 1
        if fault is not None and fault in HTTP_REFUSALS:
            return _refused(fault, request)
        answer = self._denied(request) or self._answer(request, body, fault)
        return spoilt_wire(fault, request, answer)

    def _answer(self, request: web.Request, body: bytes, fault: Fault | None) -> web.Response:
        request_id = request.headers.get(headers.REQUEST_ID, "")
        try:
            check_crc32(body, request.headers[headers.BODY_CRC32])
            response = self.model.answer(decode_request(body), "fake")
        except ProtocolError as error:
            return _msgpack(error.status, encode_error(ErrorBody(str(error), error.code, request_id)))
        except ValueError as error:
            return _msgpack(500, encode_error(ErrorBody(str(error), "backend_failed", request_id)))
        return _msgpack(200, encode_response(spoilt_message(fault, response)))


def _refused(fault: Fault, request: web.Request) -> web.Response:
    status, extra = HTTP_REFUSALS[fault]
    body = encode_error(
        ErrorBody(fault.name.lower(), fault.name.lower(), request.headers[headers.REQUEST_ID])
    )
    return web.Response(status=status, body=body, headers=extra, content_type=headers.MSGPACK)


def _msgpack(status: int, body: bytes) -> web.Response:
    extra = {headers.BODY_CRC32: body_crc32(body)}
    return web.Response(status=status, body=body, headers=extra, content_type=headers.MSGPACK)


def _json(status: int, body: bytes) -> web.Response:
    return web.Response(status=status, body=body, content_type=headers.JSON)
