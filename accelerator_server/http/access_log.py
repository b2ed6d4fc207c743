"""The access log: one JSON object for each request."""

import json
import logging
import time

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger

from inference_client.protocol import headers

logger = logging.getLogger("accelerator_server.access")

BEGAN_NS = web.RequestKey("began_ns", int)
"""Where a request carries the time at which its handling began, on the performance counter."""


def log_access(
    *,
    client: str | None,
    method: str,
    path: str,
    status: int,
    received_bytes: int | None,
    sent_bytes: int | None,
    duration_us: float,
    request_id: str,
) -> None:
    """Writes the line of a request."""
    entry = {
        "time_s": round(time.time(), 3),
        "client": client,
        "method": method,
        "path": path,
        "status": status,
        "received_bytes": received_bytes,
        "sent_bytes": sent_bytes,
        "duration_us": round(duration_us),
        "id": request_id,
    }
    logger.info(json.dumps(entry))


class AccessLogger(AbstractAccessLogger):
    """Writes the lines of requests that aiohttp has read.

    The clock of the event loop, by which aiohttp times requests, stands still within a pass of uvloop's.
    """

    def log(self, request: web.BaseRequest, response: web.StreamResponse, duration_s: float) -> None:
        """Writes the line."""
        began_ns = request.get(BEGAN_NS)  # none for what is not even a request
        log_access(
            client=request.remote,
            method=request.method,
            path=request.path,
            status=response.status,
            received_bytes=request.content_length,
            sent_bytes=response.content_length,
            duration_us=1e6 * duration_s if began_ns is None else since_us(began_ns),
            request_id=request.headers.get(headers.REQUEST_ID, ""),
        )

    @property
    def enabled(self) -> bool:
        """Whether lines are written at all."""
        return logger.isEnabledFor(logging.INFO)


def since_us(began_ns: int) -> float:
    """Microseconds since a time on the performance counter."""
    return (time.perf_counter_ns() - began_ns) / 1000
