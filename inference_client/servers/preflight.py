"""Asks all servers once, before the first request: who answers, and do they serve the model wanted."""

import asyncio
import logging
from collections.abc import Sequence

from inference_client.errors import (
    ConfigurationError,
    CredentialsError,
    HandshakeLost,
    TryFailed,
    UnknownModelError,
)
from inference_client.servers.choice import Server
from inference_client.servers.failures import nobody_answers, told
from inference_client.servers.vetting import Vetting

_LOG = logging.getLogger(__name__)
_PAUSE_S = 0.25
_LOST_HANDSHAKES = 4
"""So many rounds in a row that end like this are no accident; with their pauses they take under 2 s."""


async def preflight(servers: Sequence[Server], vetting: Vetting, timeout_s: float, wait_s: float) -> None:
    """Admits every server that answers; the others are left alone for a while and admitted when they come up.

    A server that says no to the client's certificate may just end the connection, as a fault does. The fault
    passes, the refusal comes every time: where nobody answers and all end it like this, they are asked again.

    Args:
        servers: All servers.
        vetting: Who decides on them.
        timeout_s: Time for all answers of one round.
        wait_s: How long to repeat the round while nobody answers.

    Raises:
        ServersUnavailable: None answers.
        ConfigurationError: A server is the wrong one, none has the model, or all end every TLS connection.
    """
    loop = asyncio.get_running_loop()
    give_up_s = loop.time() + wait_s
    n_lost = 0
    while True:
        endings = await asyncio.gather(*(_ending(server, vetting, timeout_s) for server in servers))
        failures = [ending for ending in endings if ending is not None]
        if len(failures) < len(servers):
            break
        n_lost = n_lost + 1 if all(isinstance(ending, HandshakeLost) for ending in failures) else 0
        if n_lost == _LOST_HANDSHAKES:
            raise _refused(failures)
        is_late = loop.time() >= give_up_s and n_lost == 0
        if is_late or any(isinstance(ending, ConfigurationError) for ending in failures):
            raise _nobody(vetting, failures)
        await asyncio.sleep(_PAUSE_S * 2 ** max(0, n_lost - 1))
    for server, ending in zip(servers, endings, strict=True):
        if ending is not None:
            _LOG.warning("going on without a server: %s", ending)
            server.breaker.open(loop.time())


async def _ending(server: Server, vetting: Vetting, timeout_s: float) -> TryFailed | UnknownModelError | None:
    try:
        async with asyncio.timeout(timeout_s):
            await vetting.vet(server.transport, timeout_s)
    except (TryFailed, UnknownModelError) as error:
        return error
    except TimeoutError:
        return TryFailed(f"{server.address} did not answer within {timeout_s:g} s")
    server.vetted = True
    return None


def _refused(failures: Sequence[TryFailed | UnknownModelError]) -> CredentialsError:
    message = (
        f"{told(failures)}. It was so {_LOST_HANDSHAKES} times in a row: the server demands a certificate "
        "of the client, does not take the one it got, or speaks nothing newer than TLS 1.1"
    )
    return CredentialsError(message)


def _nobody(vetting: Vetting, failures: Sequence[TryFailed | UnknownModelError]) -> Exception:
    unknown = [failure for failure in failures if isinstance(failure, UnknownModelError)]
    if unknown:
        return unknown[0]
    return nobody_answers(vetting.identity.name, [f for f in failures if isinstance(f, TryFailed)])
