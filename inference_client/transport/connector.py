"""Connector: makes and keeps connections; a server is not blamed for a loop that we kept busy meanwhile."""

import asyncio
import ssl
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from inference_client.transport.expiry import BusyExpiry, within

KEEP_ALIVE_S = 10.0
"""Shorter than a server keeps an idle connection, so that no request meets a closing one."""
_UNTIMED = aiohttp.ClientTimeout(total=None)


class Connector(aiohttp.TCPConnector):
    """Gives up connecting after the `sock_connect` of a request's timeouts.

    Args:
        certificates: What to trust for https.
    """

    def __init__(self, certificates: ssl.SSLContext | None) -> None:
        super().__init__(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=certificates or True)

    # The only place of aiohttp that bounds connecting apart from looking up the name, which may take longer.
    async def _wrap_create_connection(
        self, *args: Any, **kwargs: Any
    ) -> tuple[asyncio.Transport, ResponseHandler]:
        timeout_s = kwargs["timeout"].sock_connect
        connecting = super()._wrap_create_connection(*args, **(kwargs | {"timeout": _UNTIMED}))
        return await within(timeout_s, connecting, BusyExpiry)
