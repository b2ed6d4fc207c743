"""A forwarder that makes a plain server of an accelerator server: no extensions, no digests, no records."""

import json
from typing import Self

import aiohttp
from aiohttp import web

KEPT_REQUEST_HEADERS = ("Content-Type", "Inference-Header-Content-Length")
KEPT_REPLY_HEADERS = ("Content-Type", "Inference-Header-Content-Length", "Retry-After")


class PlainServer:
    """Speaks the standard dialect for a server behind it; `async with` starts and stops it.

    Attributes:
        extensions: What it announces.
        is_chunked: It sends replies without their length, in chunks.
        is_endless: It sends replies without their length, and closes the connection at their end.
        said: What it puts into the JSON of its replies to inference requests.
        bodies: Inference requests that came.
    """

    def __init__(self, target: str, configuration: dict) -> None:
        self.extensions = ["binary_tensor_data", "model_configuration"]
        self.is_chunked = self.is_endless = False
        self.said: dict[str, str] = {}
        self.bodies: list[bytes] = []
        self._target = target
        self._configuration = configuration

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=2**28)
        app.router.add_get("/v2/models/{model}/versions/{version}/config", self._config)
        app.router.add_get("/v2/models/{model}/config", self._config)
        app.router.add_route("*", "/{path:.*}", self._forward)
        self._runner = web.AppRunner(app, access_log=None)
        self._session = aiohttp.ClientSession(self._target)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self._session.close()
        await self._runner.cleanup()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _config(self, request: web.Request) -> web.Response:
        return web.json_response(self._configuration)

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        kept = {name: request.headers[name] for name in KEPT_REQUEST_HEADERS if name in request.headers}
        async with self._session.request(request.method, request.path, data=body, headers=kept) as answer:
            reply, status, headers = await answer.read(), answer.status, answer.headers
        if request.method == "POST":
            self.bodies.append(body)
            length = int(headers.get("Inference-Header-Content-Length", len(reply)))
            reply_json = {
                k: v for k, v in json.loads(reply[:length]).items() if k not in ("parameters", "code")
            }
            head = json.dumps(reply_json | self.said).encode()
            reply = head + reply[length:]
            kept_reply = {"Inference-Header-Content-Length": str(len(head))}
        else:
            said = json.loads(reply)
            said.pop("parameters", None)
            if "extensions" in said:
                said |= {"name": "triton", "version": "2.51.0", "extensions": self.extensions}
            reply, kept_reply = json.dumps(said).encode(), {}
        kept_reply = {name: headers[name] for name in KEPT_REPLY_HEADERS if name in headers} | kept_reply
        if self.is_endless and request.method == "POST" and request.transport is not None:
            lines = ["HTTP/1.1 200 OK", "Connection: close", *(f"{k}: {v}" for k, v in kept_reply.items())]
            request.transport.write("\r\n".join([*lines, "", ""]).encode() + reply)
            request.transport.close()
        if not self.is_chunked:
            return web.Response(status=status, body=reply, headers=kept_reply)
        stream = web.StreamResponse(status=status, headers=kept_reply)
        await stream.prepare(request)
        await stream.write(reply)
        return stream
