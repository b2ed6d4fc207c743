"""Triton's repository extension: which models there are, and loading and unloading them."""

import msgspec
from aiohttp import web

from accelerator_server.errors import MalformedRequestError
from accelerator_server.http.body import read_body
from accelerator_server.http.replies import json_response
from accelerator_server.state import ServerState
from inference_client.protocol import routes


class RepositoryRoutes:
    """Index for everybody; load and unload for admins, which the authentication sees to.

    See https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_model_repository.md
    """

    def __init__(self, state: ServerState) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """All paths of this group."""
        return [
            web.post(routes.REPOSITORY_INDEX, self._index),
            web.post(routes.REPOSITORY_LOAD, self._load),
            web.post(routes.REPOSITORY_UNLOAD, self._unload),
        ]

    async def _index(self, request: web.Request) -> web.Response:
        return json_response(await self._state.control.index(), request)

    async def _load(self, request: web.Request) -> web.Response:
        await self._check_parameters(request)
        await self._state.control.load(request.match_info["model"])
        return json_response({}, request)

    async def _unload(self, request: web.Request) -> web.Response:
        await self._check_parameters(request)
        await self._state.control.unload(request.match_info["model"])
        return json_response({}, request)

    async def _check_parameters(self, request: web.Request) -> None:
        body = await read_body(request, self._state.config)
        try:
            asked = msgspec.json.decode(body or b"{}", type=dict[str, dict[str, object]])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            message = f"not a valid request: {error}"
            raise MalformedRequestError(message) from error
        # Triton's clients say `unload_dependents: false` of their own accord.
        parameters = {name for name, value in asked.get("parameters", {}).items() if value is not False}
        if parameters or asked.keys() - {"parameters"}:
            message = "models are loaded as their folder in the repository says; send no parameters"
            raise MalformedRequestError(message)
