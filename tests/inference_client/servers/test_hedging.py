"""A second server asked because the first is late: when, how often, who wins, and what the record says."""

import asyncio

import numpy as np
import pytest

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ConnectionLost, RequestRefused, ServersUnavailable
from inference_client.servers.hedging import FEWEST, WINDOW, Hedging
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model, sparse_request, sums
from tests.inference_client.virtual_time import run_in_virtual_time

USUAL_S, STUCK_S = 0.1, 5.0


class TestThreshold:
    def test_it_is_unknown_until_enough_was_seen(self):
        hedging = Hedging()
        for _ in range(FEWEST - 1):
            hedging.add(0.1)
        assert hedging.late_after_s() is None
        hedging.add(0.1)
        assert hedging.late_after_s() == pytest.approx(0.1, rel=0.1)

    def test_one_in_twenty_is_later(self):
        hedging = Hedging()
        for k in range(100):
            hedging.add(k / 100)
        assert 0.95 <= hedging.late_after_s() <= 1.0

    def test_what_was_long_ago_is_forgotten(self):
        hedging = Hedging()
        for duration_s in [9.0] * WINDOW + [0.2] * WINDOW:
            hedging.add(duration_s)
        assert hedging.late_after_s() == pytest.approx(0.2, rel=0.1)


class Stuttering(MemoryTransport):
    """Usually quick; the next calls take as long as `delays_s` says."""

    def __init__(self, address: str):
        super().__init__(small_model(), address, USUAL_S)
        self.delays_s: list[float] = []
        self.calls = self.cancelled = 0
        self.ids: list[str] = []

    async def infer(self, call, timeout_s):
        self.calls += 1
        self.ids.append(call.request.id)
        self.delay_s = self.delays_s.pop(0) if self.delays_s else USUAL_S
        try:
            return await super().infer(call, timeout_s)
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


class Rig:
    """Two servers, of which "a" is preferred and so is asked first, and a client that knows what is usual."""

    def __init__(self, **settings):
        self.a, self.b = Stuttering("http://a:1"), Stuttering("http://b:1")
        by_address = {"http://a:1": self.a, "http://b:1": self.b}
        defaults = {"hedging": True, "preferred_server": "http://a:1"}
        configuration = ClientConfiguration("fake", servers=list(by_address), **(defaults | settings))
        self.client = InferenceClient(configuration, connect=by_address.__getitem__)

    async def __aenter__(self):
        await self.client.start()
        for _ in range(FEWEST):
            await self.ask()
        assert (self.a.calls, self.b.calls) == (FEWEST, 0)
        return self

    async def __aexit__(self, *ending):
        await self.client.close()
        assert (self.a.in_flight, self.b.in_flight) == (0, 0)

    async def ask(self, value=1.0):
        result = await self.client.infer(sparse_request([value]))
        assert sums(result) == [value]
        return result.record


def in_rig(work, **settings):
    async def run():
        async with Rig(**settings) as rig:
            return await work(rig)

    return run_in_virtual_time(run())


def test_a_late_answer_is_asked_for_elsewhere_and_the_first_one_counts():
    async def work(rig):
        rig.a.delays_s = [STUCK_S]
        record = await rig.ask(7.0)
        assert record.server == "http://b:1"
        assert (record.attempts, record.hedged) == (2, 1)
        assert record.total_us == pytest.approx(1e6 * 2 * USUAL_S, rel=0.15)
        assert record.retry_us == pytest.approx(1e6 * USUAL_S, rel=0.1)
        assert rig.a.cancelled == 1
        statistics = rig.client.statistics()
        assert (statistics.hedges, statistics.hedges_won, statistics.retries) == (1, 1, 0)
        assert rig.a.ids[-1] == rig.b.ids[-1]

    in_rig(work)


def test_the_first_server_may_still_win_and_the_second_is_let_go():
    async def work(rig):
        rig.a.delays_s, rig.b.delays_s = [1.5 * USUAL_S], [STUCK_S]
        record = await rig.ask()
        assert record.server == "http://a:1"
        assert (record.attempts, record.hedged) == (2, 1)
        assert rig.b.cancelled == 1
        statistics = rig.client.statistics()
        assert (statistics.hedges, statistics.hedges_won) == (1, 0)

    in_rig(work)


def test_without_the_option_nothing_is_asked_twice():
    async def work(rig):
        rig.a.delays_s = [STUCK_S]
        record = await rig.ask()
        assert (record.server, record.attempts, record.hedged) == ("http://a:1", 1, 0)
        assert rig.b.calls == 0

    in_rig(work, hedging=False)


def test_an_answer_in_time_is_not_asked_for_twice():
    async def work(rig):
        for _ in range(50):
            record = await rig.ask()
            assert (record.attempts, record.hedged) == (1, 0)
        assert rig.b.calls == 0

    in_rig(work)


def test_when_the_late_one_fails_the_second_is_waited_for():
    async def work(rig):
        rig.a.delays_s, rig.b.delays_s = [1.5 * USUAL_S], [3 * USUAL_S]
        rig.a.failures.append(ConnectionLost("a broke"))
        record = await rig.ask()
        assert (record.server, record.attempts, record.hedged) == ("http://b:1", 2, 1)
        assert rig.client.statistics().servers[0].failures == 1

    in_rig(work)


def test_when_both_fail_both_count_and_the_next_try_follows():
    async def work(rig):
        rig.a.delays_s, rig.b.delays_s = [2 * USUAL_S], [USUAL_S / 2]
        rig.a.failures.append(ConnectionLost("a broke"))
        rig.b.failures.append(ConnectionLost("b broke"))
        record = await rig.ask()
        assert record.attempts == 3

    in_rig(work)


def test_tries_are_no_more_than_allowed():
    async def work(rig):
        rig.a.delays_s = [2 * USUAL_S]
        rig.a.failures.append(ConnectionLost("a broke"))
        with pytest.raises(ServersUnavailable, match="a broke"):
            await rig.ask()
        assert rig.b.calls == 0

    in_rig(work, allowed_tries=1)


def test_a_refusal_ends_both():
    async def work(rig):
        rig.a.delays_s, rig.b.delays_s = [STUCK_S], [USUAL_S]
        rig.b.failures.append(RequestRefused("no", 422))
        with pytest.raises(RequestRefused):
            await rig.ask()
        assert rig.a.cancelled == 1

    in_rig(work)


def test_a_server_that_was_outrun_looks_slower():
    async def work(rig):
        for _ in range(3):
            rig.a.delays_s = [STUCK_S]
            await rig.ask()
        now_s = asyncio.get_running_loop().time()
        a, b = rig.client._servers
        assert a.cost(now_s) > b.cost(now_s)

    in_rig(work)


def test_the_retry_budget_bounds_the_second_tries():
    """A server that always hangs: the budget's ten, a fifth of the answers, and one a second."""

    async def work(rig):
        begun_s = asyncio.get_running_loop().time()
        rig.a.delays_s = [STUCK_S] * 1000

        async def caller():
            for _ in range(20):
                await rig.client.infer(sparse_request([1.0]))

        await asyncio.gather(*(caller() for _ in range(16)))
        lasted_s = asyncio.get_running_loop().time() - begun_s
        statistics = rig.client.statistics()
        assert 0 < statistics.hedges <= 10 + 0.2 * statistics.bodies + lasted_s + 1
        assert statistics.failed_requests == 0

    in_rig(work, timeout_s=600.0, max_rows=1)  # one body for all callers would stay within any budget


def test_a_caller_that_leaves_ends_both_tries():
    async def work(rig):
        rig.a.delays_s, rig.b.delays_s = [STUCK_S], [STUCK_S]
        asking = asyncio.ensure_future(rig.client.infer(sparse_request([1.0])))
        await rig.b.begun(1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.sleep(0.001)  # of a clock that jumps
        assert (rig.a.cancelled, rig.b.cancelled) == (1, 1)

    in_rig(work)


def test_rows_come_back_to_their_callers_when_one_leaves_between_the_tries():
    async def work(rig):
        rig.a.delays_s, rig.b.delays_s = [3 * USUAL_S], [STUCK_S]
        leaving = asyncio.ensure_future(rig.client.infer(sparse_request([5.0, 6.0])))
        staying = asyncio.ensure_future(rig.client.infer(sparse_request([7.0])))
        await rig.a.begun(1)
        leaving.cancel()
        await rig.b.begun(1)  # the second try goes after one of the two has left
        assert np.array_equal((await staying).outputs["scores"][:, 0], [7.0])
        await asyncio.gather(leaving, return_exceptions=True)

    in_rig(work)


def test_one_server_alone_is_not_asked_twice():
    async def run():
        alone = Stuttering("http://a:1")
        configuration = ClientConfiguration("fake", servers=["http://a:1"], hedging=True)
        async with InferenceClient(configuration, connect=lambda _: alone) as client:
            for _ in range(FEWEST):
                await client.infer(sparse_request([1.0]))
            alone.delays_s = [1.0]
            result = await client.infer(sparse_request([2.0]))
            assert (result.record.attempts, result.record.hedged) == (1, 0)

    run_in_virtual_time(run())
