"""One deadline for servers and fallback together, however silent they are and however slowly it starts."""

import asyncio

import numpy as np
import pytest

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import (
    ConnectionLost,
    DeadlineExceeded,
    LocalServerError,
    ServersUnavailable,
    ServerUnreachable,
)
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.memory_transport import MemoryTransport
from producers.fallback_check import FallbackPolicy
from producers.model_client import ModelClient
from tests.inference_client.virtual_time import run_in_virtual_time

TIMEOUT_S = 10.0
ROUNDING_S = 1e-6
SILENT_S = 1e9
SERVER, LOCAL, OTHER_LOCAL = "http://server:1", "http://local:1", "http://local:2"


def question() -> InferenceRequest:
    return InferenceRequest(id="q", inputs=[dense_tensor("image", np.ones((1, 1, 2, 2), np.float32))])


class DeadTransport(MemoryTransport):
    """Takes no connection from some moment on."""

    died_s = SILENT_S

    async def infer(self, call, timeout_s):
        if asyncio.get_running_loop().time() >= self.died_s:
            await asyncio.sleep(0)
            message = f"{self.address} takes no connection"
            raise ServerUnreachable(message)
        return await super().infer(call, timeout_s)


class Rig:
    """A model's client, its server, and a fallback that is started when it is asked for; no network.

    Attributes:
        starts: When the fallback was asked for.
        start_s: How long that takes.
        failures: What its next starts end with.
    """

    def __init__(self, policy: FallbackPolicy | None = None, timeout_s: float = TIMEOUT_S, tries: int = 3):
        model = FakeModel(row_shape=(1, 2, 2))
        self.transports = {a: DeadTransport(model, a) for a in (SERVER, LOCAL, OTHER_LOCAL)}
        self.server, self.local, self.other = self.transports.values()
        self.starts, self.start_s, self.failures, self.address = [], 0.0, [], LOCAL
        configuration = ClientConfiguration("fake", timeout_s=timeout_s, allowed_tries=tries)
        self.client = ModelClient(
            configuration, ModelExpectation, self._connected, policy or FallbackPolicy()
        )

    async def __aenter__(self):
        await self.client.start([SERVER], self._find)
        return self

    async def __aexit__(self, *ending):
        await self.client.close()

    async def ask(self):
        """The record of one answer, and how long it took."""
        begun_s = asyncio.get_running_loop().time()
        result = await self.client.infer(question())
        return result.record, asyncio.get_running_loop().time() - begun_s

    async def fail(self, *errors):
        """The error of one question, and how long it took."""
        begun_s = asyncio.get_running_loop().time()
        with pytest.raises(errors) as ending:
            await self.client.infer(question())
        return ending.value, asyncio.get_running_loop().time() - begun_s

    async def _find(self):
        self.starts.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.start_s)
        if self.failures:
            raise self.failures.pop(0)
        return self.address

    def _connected(self, configuration, expectation):
        return InferenceClient(configuration, expectation, self.transports.__getitem__)


class TestOneDeadline:
    @pytest.mark.parametrize("tries", [1, 3])
    def test_a_silent_server_leaves_the_fallback_half_of_the_time(self, tries):
        async def run():
            async with Rig(tries=tries) as rig:
                rig.server.delay_s = SILENT_S
                record, took_s = await rig.ask()
                assert record.server == LOCAL
                assert took_s == pytest.approx(TIMEOUT_S / 2, abs=0.1)

        run_in_virtual_time(run())

    @pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
    def test_or_the_part_that_the_job_keeps_for_it(self, share):
        async def run():
            async with Rig(FallbackPolicy(timeout_share=share)) as rig:
                rig.server.delay_s = SILENT_S
                rig.local.delay_s = share * TIMEOUT_S - 0.01
                record, took_s = await rig.ask()
                assert record.server == LOCAL
                assert took_s == pytest.approx(TIMEOUT_S, abs=0.1)

        run_in_virtual_time(run())

    def test_where_the_fallback_is_silent_too_the_event_ends_at_its_deadline_and_both_are_told(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s = rig.local.delay_s = SILENT_S
                error, took_s = await rig.fail(DeadlineExceeded)
                assert took_s == pytest.approx(TIMEOUT_S)
                assert SERVER in str(error)
                assert LOCAL in str(error)
                for _ in range(9):
                    _, took_s = await rig.fail(ServersUnavailable)
                    assert took_s <= TIMEOUT_S + ROUNDING_S

        run_in_virtual_time(run())

    def test_a_fallback_that_starts_too_late_costs_the_event_its_deadline_and_answers_the_next(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s, rig.start_s = SILENT_S, 20.0
                error, took_s = await rig.fail(DeadlineExceeded)
                assert took_s == pytest.approx(TIMEOUT_S)
                assert "not ready in time" in str(error)
                await asyncio.sleep(20.0)
                record, _ = await rig.ask()
                assert record.server == LOCAL
                assert len(rig.starts) == 1, "the start went on without the event"

        run_in_virtual_time(run())

    def test_the_fallback_is_started_while_the_server_is_still_waited_for(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s, rig.start_s = SILENT_S, TIMEOUT_S / 4
                record, took_s = await rig.ask()
                assert rig.starts == [pytest.approx(TIMEOUT_S / 4)]
                assert record.server == LOCAL
                assert took_s == pytest.approx(TIMEOUT_S / 2, abs=0.1)

        run_in_virtual_time(run())

    def test_a_server_that_is_quick_enough_starts_no_fallback(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s = TIMEOUT_S / 4 - 0.1
                for _ in range(3):
                    assert (await rig.ask())[0].server == SERVER
                assert rig.starts == []

        run_in_virtual_time(run())

    def test_the_comparison_with_the_servers_is_within_the_deadline_too(self):
        async def run():
            async with Rig() as rig:
                await rig.ask()
                rig.server.delay_s = rig.local.delay_s = SILENT_S
                for _ in range(3):
                    _, took_s = await rig.fail(DeadlineExceeded)
                    assert took_s <= TIMEOUT_S + ROUNDING_S
                rig.local.delay_s = 0.0
                await asyncio.sleep(TIMEOUT_S)
                assert (await rig.ask())[0].server == LOCAL

        run_in_virtual_time(run())

    def test_no_event_of_many_takes_longer_and_each_is_answered_once(self):
        async def run():
            async with Rig() as rig:
                await rig.ask()
                rig.server.delay_s, rig.local.delay_s = SILENT_S, 0.3
                answers = []
                for _ in range(20):
                    answers += await asyncio.gather(*(rig.ask() for _ in range(16)))
                assert {record.server for record, _ in answers} == {LOCAL}
                assert max(took_s for _, took_s in answers) <= TIMEOUT_S
                assert rig.client.fallback_calls == len(answers)
                rows = [statistics.rows for statistics in rig.client.statistics()]
                assert rows[1] == len(answers)

        run_in_virtual_time(run())

    def test_a_fallback_that_may_not_answer_leaves_the_servers_all_of_the_time(self):
        async def run():
            async with Rig() as rig:
                await rig.ask()
                rig.server.delay_s = SILENT_S
                rig.failures = [ServersUnavailable("no more")]
                await rig.fail(ServersUnavailable)
                error, took_s = await rig.fail(ServersUnavailable)
                assert "no more" in str(error)
                assert took_s == pytest.approx(TIMEOUT_S)
                rig.server.delay_s = 1.0
                assert (await rig.ask())[0].server == SERVER
                assert len(rig.starts) == 1

        run_in_virtual_time(run())


class TestRecord:
    def test_tries_and_time_at_silent_servers_are_told(self):
        async def run():
            async with Rig(tries=2) as rig:
                rig.server.delay_s = SILENT_S
                record, took_s = await rig.ask()
                assert record.attempts == 3
                assert record.total_us == pytest.approx(1e6 * took_s, abs=1)
                assert record.retry_us == pytest.approx(1e6 * took_s, abs=1)

        run_in_virtual_time(run())

    def test_a_fallback_that_was_there_from_the_start_is_a_first_try(self):
        async def run():
            rig = Rig()
            rig.server.read_server_metadata = _unreachable
            async with rig:
                record, _ = await rig.ask()
                assert (record.server, record.attempts) == (LOCAL, 1)

        run_in_virtual_time(run())


class TestDeath:
    def test_a_fallback_that_died_is_started_again_for_the_event_that_finds_out(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s = SILENT_S
                await rig.ask()
                rig.local.died_s, rig.address = asyncio.get_running_loop().time(), OTHER_LOCAL
                record, took_s = await rig.ask()
                assert record.server == OTHER_LOCAL
                assert record.attempts > 1
                assert took_s <= TIMEOUT_S
                assert len(rig.starts) == 2
                assert [s.servers[0].address for s in rig.client.statistics()] == [SERVER, LOCAL, OTHER_LOCAL]

        run_in_virtual_time(run())

    def test_one_that_lives_and_takes_nothing_in_for_a_while_is_waited_for(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s = SILENT_S
                await rig.ask()
                rig.local.failures.extend([ConnectionLost("lost")] + [ServerUnreachable("full")] * 4)
                record, took_s = await rig.ask()
                assert record.server == LOCAL
                assert took_s <= TIMEOUT_S

        run_in_virtual_time(run())

    def test_a_start_that_failed_is_tried_again_by_the_next_event(self):
        async def run():
            async with Rig() as rig:
                rig.server.died_s = 0.0
                rig.failures = [LocalServerError("no memory")]
                error, _ = await rig.fail(LocalServerError)
                assert "no memory" in str(error)
                assert SERVER in str(error)
                assert (await rig.ask())[0].server == LOCAL

        run_in_virtual_time(run())

    def test_closing_ends_a_start_that_is_under_way(self):
        async def run():
            async with Rig() as rig:
                rig.server.delay_s, rig.start_s = SILENT_S, SILENT_S
                await rig.fail(DeadlineExceeded)
            assert asyncio.all_tasks() == {asyncio.current_task()}

        run_in_virtual_time(run())


async def _unreachable(timeout_s):
    message = f"{SERVER} takes no connection"
    raise ServerUnreachable(message)
