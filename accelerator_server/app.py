"""The HTTP application: its routes, and the one place where errors become answers."""

import asyncio
import http
import json
import logging
import time
from collections.abc import Callable, Sequence

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.typedefs import Handler

from accelerator_server.dialects.base import Dialect
from accelerator_server.dialects.table import error_dialect
from accelerator_server.errors import RefusedRequestError, TooManyConnectionsError
from accelerator_server.replies import error_response, refusal
from accelerator_server.routes.dashboard import DashboardRoutes
from accelerator_server.routes.inference import InferenceRoute
from accelerator_server.routes.metadata import MetadataRoutes
from accelerator_server.routes.repository import RepositoryRoutes
from accelerator_server.state import ServerState
from inference_client.protocol import headers, routes
from inference_client.protocol.errors import ProtocolError

logger = logging.getLogger(__name__)

CLIENT_GONE = 499
"""Never sent; nginx's number for a client that went before its answer, for metrics and log."""


def make_app(state: ServerState, n_connections: Callable[[], int]) -> web.Application:
    """Builds the application of one server.

    Args:
        state: Its parts.
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
    app.add_routes(InferenceRoute(state).routes())  # first: aiohttp tries routes in order
    app.add_routes(MetadataRoutes(state).routes())
    app.add_routes(RepositoryRoutes(state).routes())
    app.add_routes(DashboardRoutes(state).routes())
    return app


BEGAN_NS = web.RequestKey("began_ns", int)
"""Where a request carries the time at which its handling began, on the performance counter."""


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
    """Where every request comes in: who may not is refused, and every error becomes an answer.

    Nothing of an unexpected error is told to the client.

    Args:
        state: Parts of the server.
        checks: Each raises an error for a request that may not pass.
    """

    def __init__(self, state: ServerState, checks: Sequence[Callable[[web.Request], None]]) -> None:
        self._checks = checks
        self._metrics = state.metrics
        self._successes = state.metrics.requests.labels("200")
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
            self._count(CLIENT_GONE, "client_gone")
            raise
        except (RefusedRequestError, ProtocolError) as error:
            self._count(error.status, error.code)
            response = refusal(error, _dialect(request), request)
        except web.HTTPException as error:
            code = http.HTTPStatus(error.status).name.lower()
            self._count(error.status, code)
            response = error_response(error.reason, code, error.status, _dialect(request), request)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except Exception:
            logger.exception("%s %s failed", request.method, request.path)
            self._count(500, "internal")
            response = error_response("internal error", "internal", 500, _dialect(request), request)
        else:
            self._successes.inc()
        if self._admission.draining:
            response.force_close()
        return response

    def _count(self, status: int, code: str) -> None:
        self._metrics.requests.labels(str(status)).inc()
        self._metrics.refusals.labels(code).inc()


class JsonAccessLogger(AbstractAccessLogger):
    """One JSON object for each request.

    The clock of the event loop, by which aiohttp times requests, stands still within a pass of uvloop's.
    """

    def log(self, request: web.BaseRequest, response: web.StreamResponse, duration_s: float) -> None:
        """Writes the line."""
        began_ns = request.get(BEGAN_NS)  # none for what is not even a request
        duration_us = 1e6 * duration_s if began_ns is None else (time.perf_counter_ns() - began_ns) / 1000
        entry = {
            "time_s": round(time.time(), 3),
            "client": request.remote,
            "method": request.method,
            "path": request.path,
            "status": response.status,
            "received_bytes": request.content_length,
            "sent_bytes": response.content_length,
            "duration_us": round(duration_us),
            "id": request.headers.get(headers.REQUEST_ID, ""),
        }
        self.logger.info(json.dumps(entry))

    @property
    def enabled(self) -> bool:
        """Whether lines are written at all."""
        return self.logger.isEnabledFor(logging.INFO)


def _dialect(request: web.Request) -> Dialect:
    return error_dialect(request.headers.get("Content-Type", ""))
