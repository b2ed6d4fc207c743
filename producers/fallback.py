"""Fallback: one model at a server of last resort, which is started and compared when it is first needed."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import Awaitable, Callable

from inference_client.client import InferenceClient
from inference_client.errors import DeadlineExceeded, InferenceError, ServersDown, ServersUnavailable
from inference_client.protocol.messages import InferenceRequest
from inference_client.result import InferenceResult
from inference_client.statistics import ClientStatistics
from inference_client.transport.expiry import within
from producers.fallback_check import FallbackCheck

_LOG = logging.getLogger("eventproc.InferenceService")

FindFallback = Callable[[], Awaitable[str]]
"""Starts the fallback server, or finds it started, and gives its address; another one after it died.

ServersUnavailable says that there will be none any more, any other error that there is none now."""

Connect = Callable[[str], InferenceClient]
"""Makes what asks the server at an address."""

ALLOWED_TRIES = 3
"""That the fallback may take in and fail; between them it is looked after, and started again if need be."""

PAUSE_S = 0.1
"""Between two looks at a fallback that takes nothing in; one that dies is not gone at once."""


class Fallback:
    """Answers in the place of servers that do not; of one event loop.

    Args:
        find: starts its server.
        connect: makes what asks that server.
        check: compares its answers with the servers'.

    Attributes:
        calls: How often it was asked.
    """

    def __init__(self, find: FindFallback, connect: Connect, check: FallbackCheck) -> None:
        self.calls = 0
        self._find = find
        self._connect = connect
        self._check = check
        self._clients: list[InferenceClient] = []  # one for each server that was started; the last is asked
        self._preparation: asyncio.Task[InferenceClient] | None = None
        self._loss = ""  # why there will be no server any more

    @property
    def refusal(self) -> str:
        """Why it is not to be asked any more; empty if it may be."""
        return self._check.refusal or self._loss

    @property
    def client(self) -> InferenceClient | None:
        """What asks the server; None while there is none."""
        return self._clients[-1] if self._clients else None

    def prepare(self) -> asyncio.Task[InferenceClient]:
        """Begins to start the server and to compare it, unless that is done or under way.

        Returns:
            Ends with what asks the server, or with an error, after which the next call begins again.
        """
        if self._preparation is None or _has_failed(self._preparation):
            self._begin()
        assert self._preparation is not None  # noqa: S101 - for the type checker
        return self._preparation

    async def infer(
        self, request: InferenceRequest, begun_s: float, deadline_s: float, tries: int = 0
    ) -> InferenceResult:
        """Asks the server, once it is ready; where it died meanwhile, one that is started in its place.

        Args:
            request: what to ask.
            begun_s: time of the event loop at which the caller began to ask, here or elsewhere.
            deadline_s: time at which it ends to wait, for the server's start as for its answer.
            tries: made elsewhere.

        Raises:
            InferenceError: there is no server, it is not ready in time, or it does not answer.
        """
        client = await self._ready(deadline_s)
        self.calls += 1
        n_failed = 0
        while True:
            try:
                result = await client.infer(request, timeout_s=_left_s(deadline_s), is_patient=False)
            except DeadlineExceeded:
                raise
            except ServersUnavailable as error:
                n_failed += not isinstance(error, ServersDown)
                if n_failed == ALLOWED_TRIES or _left_s(deadline_s) <= PAUSE_S:
                    raise
                tries += error.tries
                await asyncio.sleep(PAUSE_S)
                self._begin()
                client = await self._ready(deadline_s)
            else:
                return _delayed(result, tries, asyncio.get_running_loop().time() - begun_s)

    async def close(self) -> None:
        """Ends the preparation, if one is under way, and closes the connections."""
        if self._preparation is not None:
            self._preparation.cancel()
            await asyncio.gather(self._preparation, return_exceptions=True)
        for client in self._clients:
            await client.close()

    def statistics(self) -> list[ClientStatistics]:
        """Figures of each server that was started."""
        return [client.statistics() for client in self._clients]

    def _begin(self) -> None:
        if self._preparation is None or self._preparation.done():
            self._preparation = asyncio.get_running_loop().create_task(self._prepared())
            self._preparation.add_done_callback(_tell_failure)

    async def _ready(self, deadline_s: float) -> InferenceClient:
        if self.refusal:
            raise ServersUnavailable(self.refusal)
        try:
            return await within(_left_s(deadline_s), asyncio.shield(self.prepare()))
        except TimeoutError as error:
            message = "the fallback was not ready in time; once it is, it answers without that delay"
            raise DeadlineExceeded(message) from error

    async def _prepared(self) -> InferenceClient:
        try:
            address = await self._find()
        except ServersUnavailable as error:
            self._loss = str(error)
            raise
        if (client := self.client) is not None and address in client.configuration.servers:
            return client
        # By a client of its own, so that the figures count what the job asked and nothing else.
        async with self._connect(address) as asking:
            await self._check.measure(asking)
        client = self._connect(address)
        await client.start()
        self._clients.append(client)
        return client


def _delayed(result: InferenceResult, tries: int, took_s: float) -> InferenceResult:
    """An answer whose record holds also the tries and the time in which others were asked in vain."""
    call = result.record
    lost_us = max(0, round(took_s * 1e6) - call.total_us)
    record = call._replace(
        attempts=call.attempts + tries, retry_us=call.retry_us + lost_us, total_us=call.total_us + lost_us
    )
    return dataclasses.replace(result, record=record)


def _left_s(deadline_s: float) -> float:
    return deadline_s - asyncio.get_running_loop().time()


def _has_failed(task: asyncio.Task[InferenceClient]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)


def _tell_failure(task: asyncio.Task[InferenceClient]) -> None:
    """Logs why a preparation failed, since maybe no event waits for it."""
    if not task.cancelled() and isinstance(error := task.exception(), InferenceError):
        _LOG.warning("the fallback is not ready: %s", error)
