"""The start: what of the servers' endings is waited for, gone on without, or a matter of configuration."""

import asyncio
import logging

import pytest

from inference_client.configuration import ClientConfiguration
from inference_client.errors import (
    CredentialsError,
    HandshakeLost,
    InferenceError,
    ServersUnavailable,
    ServerUnreachable,
)
from inference_client.servers.choice import Server
from inference_client.servers.preflight import preflight
from inference_client.servers.vetting import Vetting
from inference_client.signature import ModelExpectation
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model
from tests.inference_client.virtual_time import run_in_virtual_time

LOST = HandshakeLost("lost")
DOWN = ServerUnreachable("down")


class Ending(MemoryTransport):
    """Ends the first connections with errors, one each, and stays at the last if that is for good."""

    def __init__(self, *errors: InferenceError, for_good: bool = False) -> None:
        super().__init__(small_model())
        self.n_asked = 0
        self._errors = errors
        self._for_good = for_good

    async def read_server_metadata(self, timeout_s):
        self.n_asked += 1
        if self._for_good or self.n_asked <= len(self._errors):
            raise self._errors[min(self.n_asked, len(self._errors)) - 1]
        return await super().read_server_metadata(timeout_s)


def started(*transports: Ending, wait_s: float = 0.0) -> tuple[list[Server], float]:
    """The servers after a start, and how long it took."""

    async def start() -> float:
        await preflight(servers, Vetting(ClientConfiguration("fake"), ModelExpectation()), 5.0, wait_s)
        return asyncio.get_running_loop().time()

    servers = [Server(transport, 8) for transport in transports]
    return servers, run_in_virtual_time(start())


@pytest.mark.parametrize("n_lost", [1, 2, 3])
def test_a_lost_handshake_passes_though_nobody_waits_for_servers(n_lost):
    (server,), took_s = started(Ending(*[LOST] * n_lost))
    assert server.vetted
    assert took_s < 2


@pytest.mark.parametrize("wait_s", [0.0, 60.0])
def test_handshakes_that_are_lost_every_time_are_a_matter_of_configuration(wait_s):
    transport = Ending(LOST, for_good=True)
    with pytest.raises(CredentialsError, match=r"4 times in a row.*demands a certificate"):
        started(transport, wait_s=wait_s)
    assert transport.n_asked == 4


def test_a_server_that_is_gone_after_a_lost_handshake_is_one_that_does_not_answer():
    with pytest.raises(ServersUnavailable, match="down"):
        started(Ending(LOST, DOWN, for_good=True))


def test_a_server_is_waited_for_that_loses_handshakes_as_it_comes_and_goes():
    (server,), _ = started(Ending(LOST, LOST, DOWN, LOST, LOST, LOST, DOWN, LOST), wait_s=60.0)
    assert server.vetted


def test_a_server_that_loses_all_handshakes_is_gone_on_without_where_another_answers(caplog):
    with caplog.at_level(logging.WARNING):
        (lost, well), _ = started(Ending(LOST, for_good=True), Ending())
    assert (lost.vetted, well.vetted) == (False, True)
    assert lost.breaker.state(0.0) == "open"
    assert "going on without a server: lost" in caplog.text


def test_lost_handshakes_are_waited_out_where_another_server_may_come_up():
    (lost, well), took_s = started(Ending(LOST, for_good=True), Ending(*[DOWN] * 20), wait_s=60.0)
    assert (lost.vetted, well.vetted) == (False, True)
    assert took_s > 4


def test_a_certificate_that_is_wrong_ends_the_start_at_once_whatever_others_answer():
    transport = Ending(CredentialsError("unknown authority"), for_good=True)
    with pytest.raises(CredentialsError, match="unknown authority"):
        started(transport, Ending(), wait_s=60.0)
    assert transport.n_asked == 1
