"""POST /v2/models/{model}[/versions/{version}]/infer, for requests that aiohttp has read."""

from aiohttp import web

from accelerator_server.access_control.authentication import CALLER
from accelerator_server.errors import RefusedRequestError
from accelerator_server.http.body import read_body
from accelerator_server.http.inference_service import Call, InferenceService
from accelerator_server.http.replies import http_reply, web_response
from accelerator_server.state import ServerState

CALL = web.RequestKey("call", Call)
"""Where the route leaves what it knows of the request, for an error that may follow."""


class InferenceRoute:
    """Receives the body and answers."""

    def __init__(self, state: ServerState, service: InferenceService) -> None:
        self._config = state.config
        self._service = service

    def routes(self) -> list[web.RouteDef]:
        """The paths with and without a version."""
        return [
            web.post("/v2/models/{model}/infer", self._infer),
            web.post("/v2/models/{model}/versions/{version}/infer", self._infer),
        ]

    async def _infer(self, request: web.Request) -> web.Response:
        names = request.match_info
        call = request[CALL] = Call(
            model=names["model"],
            version=names.get("version", ""),
            headers=request.headers,
            content_length=request.content_length,
            client=request[CALLER].name,
        )
        try:
            visit = self._service.enter(call)
        except RefusedRequestError:
            self._service.count_refused(call)
            raise
        with visit:
            body = await read_body(request, self._config)
            begun = self._service.begin(call, visit, body)
            reply = self._service.reply_at_once(begun) or await self._service.reply(begun)
        return web_response(http_reply(reply, request.headers))
