"""Brings a body to an answer: chooses a server, tries, pauses, tries elsewhere, until tries or time end."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from random import Random

from inference_client.body import Body, Delivered
from inference_client.configuration import ClientConfiguration
from inference_client.errors import InferenceError, NotAdmitted, TryFailed, TryTimedOut
from inference_client.failures import time_used_up, tries_used_up
from inference_client.retry import RetryBudget, pause_s, try_timeout_s
from inference_client.servers import Server, choose
from inference_client.transport import Reply
from inference_client.vetting import Vetting

_LOG = logging.getLogger(__name__)


class Courier:
    """Delivers bodies to whichever server takes them.

    Attributes:
        retries: Tries made after a failed one.
    """

    def __init__(
        self, servers: Sequence[Server], vetting: Vetting, configuration: ClientConfiguration, dice: Random
    ) -> None:
        self.retries = 0
        self._servers = servers
        self._vetting = vetting
        self._configuration = configuration
        self._dice = dice
        self._budget = RetryBudget()
        self._loop = asyncio.get_running_loop()
        self._changed = asyncio.Event()

    async def deliver(self, body: Body) -> Delivered:
        """Delivers a body.

        Raises:
            ServersUnavailable: The tries or the time ended.
            RequestRefused: A server refused the body for good.
            ConfigurationError: No server will ever take it.
        """
        failures: list[TryFailed] = []
        failed_last: list[Server] = []
        first_try_s = 0.0
        while True:
            server = await self._free_server(body, failures, failed_last)
            try_s = self._loop.time()
            first_try_s = first_try_s or try_s
            try:
                reply = await self._try(server, body, failures)
            except TryFailed as failure:
                _LOG.debug("a try failed: %s", failure)
                failures.append(failure)
                failed_last = [server]
                body.tell(failure)
            else:
                n_tries = len(failures) + 1
                return Delivered(reply, server.address, n_tries, first_try_s, try_s, self._loop.time())
            await self._pause(body, failures)

    async def _free_server(self, body: Body, failures: list[TryFailed], avoided: list[Server]) -> Server:
        while True:
            now_s = self._loop.time()
            remaining_s = body.deadline_s - now_s
            if remaining_s <= 0:
                raise self._late(failures)
            server = choose(self._servers, now_s, avoided, self._dice)
            if server is not None:
                return server
            waits_s = [wait_s for server in self._servers if (wait_s := server.wait_s(now_s)) > 0]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min([remaining_s, *waits_s])):
                    await self._changed.wait()

    async def _try(self, server: Server, body: Body, failures: list[TryFailed]) -> Reply:
        is_probe = server.breaker.begin()
        server.in_flight += 1
        self.retries += bool(failures)
        begun_s = self._loop.time()
        tries_left = self._configuration.allowed_tries - _counted(failures)
        timeout_s = try_timeout_s(body.deadline_s - begun_s, tries_left)
        try:
            if not server.vetted:
                await self._vet_again(server, timeout_s)
                begun_s = self._loop.time()
            reply = await server.transport.infer(body.call(), timeout_s)
        except TryFailed as failure:
            if isinstance(failure, TryTimedOut) and timeout_s < server.fair_time_s:
                server.breaker.abandon(is_probe)
            else:
                self._count(failure, server, is_probe, len(failures) + 1)
            raise
        except InferenceError:
            server.breaker.succeed()
            raise
        except BaseException:
            server.breaker.abandon(is_probe)
            raise
        else:
            now_s = self._loop.time()
            server.succeed(now_s - begun_s, body.n_rows, now_s)
            self._budget.earn()
            return reply
        finally:
            server.in_flight -= 1
            self._changed.set()
            self._changed.clear()

    async def _vet_again(self, server: Server, timeout_s: float) -> None:
        try:
            await self._vetting.vet(server.transport, min(timeout_s, self._configuration.preflight_timeout_s))
        except InferenceError as error:
            raise NotAdmitted(str(error)) from error
        server.vetted = True
        _LOG.info("%s is back", server.address)

    def _count(self, failure: TryFailed, server: Server, is_probe: bool, n_failures: int) -> None:
        now_s = self._loop.time()
        if failure.blames_server:
            was_well = server.breaker.state(now_s) == "closed"
            server.fail(is_probe, now_s)
            if was_well and server.breaker.state(now_s) == "open":
                _LOG.warning("leaving %s alone for a while: %s", server.address, failure)
            return
        server.breaker.abandon(is_probe)
        server.back_off(pause_s(n_failures, failure.retry_after_s, self._dice), now_s)

    async def _pause(self, body: Body, failures: list[TryFailed]) -> None:
        allowed = self._configuration.allowed_tries
        if _counted(failures) >= allowed:
            raise tries_used_up(self._configuration.model_name, failures, allowed)
        now_s = self._loop.time()
        # A busy server sits out its own pause, and another one may be asked at once.
        wait_s = pause_s(len(failures), None, self._dice) if failures[-1].blames_server else 0.0
        if failures[-1].counts:
            wait_s = max(wait_s, self._budget.spend(now_s))
        await asyncio.sleep(max(0.0, min(wait_s, body.deadline_s - now_s)))

    def _late(self, failures: list[TryFailed]) -> InferenceError:
        return time_used_up(self._configuration.model_name, failures, self._configuration.timeout_s)


def _counted(failures: list[TryFailed]) -> int:
    return sum(failure.counts for failure in failures)
