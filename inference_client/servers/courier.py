"""Brings a body to an answer: chooses a server, tries, pauses, tries elsewhere, until tries or time end."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Sequence
from random import Random
from typing import NamedTuple

from inference_client.configuration import ClientConfiguration
from inference_client.errors import InferenceError, NotAdmitted, TryFailed, TryTimedOut
from inference_client.requests.body import Body, Delivered
from inference_client.servers.choice import Server, choose
from inference_client.servers.failures import nobody_well, time_used_up, tries_used_up
from inference_client.servers.hedging import Hedging
from inference_client.servers.retry import RetryBudget, pause_s, try_timeout_s
from inference_client.servers.vetting import Vetting
from inference_client.transport.transport import InferenceCall, Reply

_LOG = logging.getLogger(__name__)

IMPATIENT_FAILURES = 5
"""Failures, at whichever servers, after which a caller who has someone else to ask is let go: within half a
second where connections are refused, since there is no end to such tries but the deadline."""


class Answer(NamedTuple):
    """The reply to a body, who gave it, and when that server was asked.

    `is_hedged` is set where two servers were asked, `outrun` is the number of those that had not ended.
    """

    reply: Reply
    server: Server
    try_s: float
    is_hedged: bool = False
    outrun: int = 0


class Courier:
    """Delivers bodies to whichever server takes them.

    Attributes:
        retries: Tries made after a failed one.
        hedging: Second tries made while the first was under way.
    """

    def __init__(
        self, servers: Sequence[Server], vetting: Vetting, configuration: ClientConfiguration, dice: Random
    ) -> None:
        self.retries = 0
        self.hedging = Hedging()
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
            late_s = self.hedging.late_after_s() if self._configuration.hedging else None
            try:
                if late_s is not None:
                    answer = await self._hedged(server, body, failures, late_s)
                else:
                    answer = Answer(await self._try(server, body, body.call(), failures), server, try_s)
            except TryFailed as failure:
                self._note(failure, body, failures)
                failed_last = [server]
            else:
                return Delivered(
                    answer.reply,
                    answer.server.address,
                    len(failures) + 1 + answer.outrun,
                    first_try_s,
                    answer.try_s,
                    self._loop.time(),
                    answer.is_hedged,
                )
            await self._pause(body, failures)

    def _note(self, failure: TryFailed, body: Body, failures: list[TryFailed]) -> None:
        _LOG.debug("a try failed: %s", failure)
        failures.append(failure)
        body.tell(failure)

    async def _hedged(self, first: Server, body: Body, failures: list[TryFailed], late_s: float) -> Answer:
        """Tries one server, and a second one as well when the first is late; the first answer counts.

        Raises:
            InferenceError: As the try that failed last raises; an earlier failure is in `failures`.
        """
        call = body.call()  # the same for both: whose rows come back must not depend on who answers
        tries = {self._loop.create_task(self._try(first, body, call, failures)): (first, self._loop.time())}
        second = None
        try:
            ended, _ = await asyncio.wait(tries, timeout=late_s)
            if not ended and (second := self._second_server(first, failures)) is not None:
                self.hedging.sent += 1
                task = self._loop.create_task(self._try(second, body, call, failures))
                tries[task] = (second, self._loop.time())
            while True:
                ended, _ = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
                for task in ended:
                    server, try_s = tries.pop(task)
                    error = task.exception()
                    if error is None:
                        self._count_hedge(server, first, tries.values())
                        return Answer(task.result(), server, try_s, second is not None, len(tries))
                    if not isinstance(error, TryFailed) or not tries:
                        raise error
                    self._note(error, body, failures)
        finally:
            for task in tries:
                task.cancel()
            await asyncio.gather(*tries, return_exceptions=True)

    def _second_server(self, first: Server, failures: list[TryFailed]) -> Server | None:
        """A server that is well and free, if another try is allowed and the budget has one to spare."""
        now_s = self._loop.time()
        if self._configuration.allowed_tries - _counted(failures) < 2:
            return None
        second = choose(self._servers, now_s, [first], self._dice)
        if second is None or second is first or not second.vetted:
            return None
        is_well = second.breaker.state(now_s) == "closed"
        return second if is_well and self._budget.spare(now_s) else None

    def _count_hedge(self, winner: Server, first: Server, outrun: Collection[tuple[Server, float]]) -> None:
        self.hedging.won += winner is not first
        now_s = self._loop.time()
        for server, begun_s in outrun:
            server.outrun(now_s - begun_s, now_s)

    async def _free_server(self, body: Body, failures: list[TryFailed], avoided: list[Server]) -> Server:
        while True:
            now_s = self._loop.time()
            remaining_s = body.deadline_s - now_s
            if remaining_s <= 0:
                raise time_used_up(self._configuration.model_name, failures, body.timeout_s)
            server = choose(self._servers, now_s, avoided, self._dice)
            if server is not None:
                return server
            if not body.is_patient and all(s.breaker.state(now_s) != "closed" for s in self._servers):
                raise nobody_well(self._configuration.model_name, failures)
            waits_s = [wait_s for server in self._servers if (wait_s := server.wait_s(now_s)) > 0]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min([remaining_s, *waits_s])):
                    await self._changed.wait()

    async def _try(self, server: Server, body: Body, call: InferenceCall, failures: list[TryFailed]) -> Reply:
        is_probe = server.breaker.begin()
        server.in_flight += 1
        self.retries += bool(failures)
        body.asked.append(server.address)
        begun_s = self._loop.time()
        tries_left = self._configuration.allowed_tries - _counted(failures)
        timeout_s = try_timeout_s(body.deadline_s - begun_s, tries_left)
        try:
            if not server.vetted:
                await self._vet_again(server, timeout_s)
                begun_s = self._loop.time()
            reply = await server.transport.infer(call, timeout_s)
        except TryFailed as failure:
            self._judge(failure, timeout_s, server, is_probe, len(failures) + 1)
            raise
        except InferenceError:
            server.breaker.succeed()
            raise
        except BaseException:
            if self._loop.time() < body.deadline_s:
                server.breaker.abandon(is_probe)
            else:  # the callers' deadline ends the last try before its own time does
                late = TryTimedOut(f"{server.address} did not answer within {timeout_s:.3g} s")
                self._judge(late, timeout_s, server, is_probe, len(failures) + 1)
            raise
        else:
            now_s = self._loop.time()
            server.succeed(now_s - begun_s, call.n_rows, now_s)
            self._budget.earn()
            if self._configuration.hedging:
                self.hedging.add(now_s - begun_s)
            return reply
        finally:
            body.asked.remove(server.address)
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

    def _judge(
        self, failure: TryFailed, timeout_s: float, server: Server, is_probe: bool, n_failures: int
    ) -> None:
        if isinstance(failure, TryTimedOut) and timeout_s < server.fair_time_s:
            server.breaker.abandon(is_probe)
        else:
            self._count(failure, server, is_probe, n_failures)

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
        if not body.is_patient and sum(failure.blames_server for failure in failures) >= IMPATIENT_FAILURES:
            raise nobody_well(self._configuration.model_name, failures)
        now_s = self._loop.time()
        # A busy server sits out its own pause, and another one may be asked at once.
        wait_s = pause_s(len(failures), None, self._dice) if failures[-1].blames_server else 0.0
        if failures[-1].counts:
            wait_s = max(wait_s, self._budget.spend(now_s))
        await asyncio.sleep(max(0.0, min(wait_s, body.deadline_s - now_s)))


def _counted(failures: list[TryFailed]) -> int:
    return sum(failure.counts for failure in failures)
