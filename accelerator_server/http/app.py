"""The HTTP application: its routes, and the one place where errors become answers."""

import asyncio
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus

from aiohttp import web
from aiohttp.typedefs import Handler

from accelerator_server.errors import TooManyConnectionsError, UnauthenticatedError
from accelerator_server.http.access_log import BEGAN_NS
from accelerator_server.http.inference_service import InferenceService
from accelerator_server.http.replies import error_reply, reply_to_error, web_response
from accelerator_server.http.routes.dashboard import DashboardRoutes
from accelerator_server.http.routes.inference import CALL, InferenceRoute
from accelerator_server.http.routes.metadata import MetadataRoutes
from accelerator_server.http.routes.repository import RepositoryRoutes
from accelerator_server.state import ServerState
from inference_client.protocol import routes


def make_app(
    state: ServerState, service: InferenceService, n_connections: Callable[[], int]
) -> web.Application:
    """Builds the application of one server.

    Args:
        state: Its parts.
        service: What answers inference requests.
        n_connections: How many connections are open, this request's among them.
    """
    cap = ConnectionCap(state.config.max_connections, n_connections)
    app = web.Application(
        client_max_size=state.config.max_body_bytes,
        middlewares=[Door(state, [cap.check, state.authentication.check]).answer],
    )
    state.metrics.connections.set_function(n_connections)
    state.metrics.requests_inside.set_function(lambda: state.admission.n_inside)
    state.metrics.inside_bytes.set_function(lambda: state.memory.inside_bytes)
    state.metrics.resident_bytes.set_function(lambda: state.memory.resident_bytes)
    state.metrics.memory_limit_bytes.set(state.memory.resident_limit_bytes)
    app.add_routes(InferenceRoute(state, service).routes())  # first: aiohttp tries routes in order
    app.add_routes(MetadataRoutes(state).routes())
    app.add_routes(RepositoryRoutes(state).routes())
    app.add_routes(DashboardRoutes(state).routes())
    return app


class ConnectionCap:
    """Refuses requests over connections that are too many, so that those who are served are served well."""

    def __init__(self, max_connections: int, n_connections: Callable[[], int]) -> None:
        self._max_connections = max_connections
        self._n_connections = n_connections

    def check(self, request: web.Request) -> None:
        """Lets the request pass if there is room; liveness always passes.

        Raises:
            TooManyConnectionsError: There is none.
        """
        if self._n_connections() > self._max_connections and request.path != routes.LIVE:
            message = f"more than {self._max_connections} connections are open"
            raise TooManyConnectionsError(message)


class Door:
    """Where every request comes in that aiohttp has read: who may not is refused, and errors become answers.

    Args:
        state: Parts of the server.
        checks: Each raises an error for a request that may not pass.
    """

    def __init__(self, state: ServerState, checks: Sequence[Callable[[web.Request], None]]) -> None:
        self._checks = checks
        self._metrics = state.metrics
        self._admission = state.admission

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Checks, calls the handler; whatever they raise becomes an answer in the dialect of the request."""
        request[BEGAN_NS] = time.perf_counter_ns()
        try:
            for check in self._checks:
                check(request)
            response = await handler(request)
        except asyncio.CancelledError:
            self._metrics.count_client_gone()
            raise
        except web.HTTPException as error:
            code = HTTPStatus(error.status).name.lower()
            self._metrics.count_refusal(error.status, code)
            response = web_response(error_reply(error.reason, code, error.status, request.headers))
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception as error:  # noqa: BLE001 - what is not foreseen is logged and answered with 500
            call = request.get(CALL)
            request_id = call.id if call else ""
            reply = reply_to_error(error, request.headers, f"{request.method} {request.path}", request_id)
            self._metrics.count_refusal(reply.status, reply.code)
            response = web_response(reply)
        else:
            if response.status < HTTPStatus.BAD_REQUEST:
                self._metrics.requests.labels(str(response.status)).inc()
            else:  # the form to log in is no success, though a browser is to show it
                self._metrics.count_refusal(response.status, UnauthenticatedError.code)
        if self._admission.draining:
            response.force_close()
        return response
