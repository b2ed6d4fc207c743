"""Outages, slow servers and retries over minutes, on a clock that jumps."""

import asyncio
import itertools

import pytest

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ConnectionLost, DeadlineExceeded, ServersUnavailable, ServerUnreachable
from inference_client.protocol.messages import EXTENSIONS
from inference_client.servers.retry import BUDGET_CAPACITY, BUDGET_PER_SECOND
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model, sparse_request, sums
from tests.inference_client.virtual_time import run_in_virtual_time


class OutageTransport(MemoryTransport):
    """Refuses connections between two times, and fails every inference if told to."""

    def __init__(self, address: str, delay_s: float = 0.0):
        super().__init__(small_model(), address, delay_s)
        self.down_from_s = self.down_until_s = 0.0
        self.always: Exception | None = None
        self.tries = 0

    def _check(self):
        self.tries += 1
        if self.down_from_s <= asyncio.get_running_loop().time() < self.down_until_s:
            message = f"{self.address} cannot be reached"
            raise ServerUnreachable(message)

    async def read_server_metadata(self, timeout_s):
        self._check()
        return await super().read_server_metadata(timeout_s)

    async def infer(self, call, timeout_s):
        self._check()
        if self.always is not None:
            raise self.always
        return await super().infer(call, timeout_s)


class Rig:
    """A client on such transports, and callers that ask it one request after another."""

    def __init__(self, *transports: OutageTransport, **settings):
        self.transports = {transport.address: transport for transport in transports}
        configuration = ClientConfiguration("fake", servers=list(self.transports), **settings)
        self.client = InferenceClient(configuration, connect=self.transports.__getitem__)
        self.longest_s = 0.0

    async def __aenter__(self):
        await self.client.start()
        return self

    async def __aexit__(self, *ending):
        await self.client.close()

    async def ask(self, value: float = 1.0) -> float:
        loop = asyncio.get_running_loop()
        begun_s = loop.time()
        try:
            result = await self.client.infer(sparse_request([value]))
        finally:
            self.longest_s = max(self.longest_s, loop.time() - begun_s)
        assert sums(result) == [value]
        return loop.time() - begun_s

    async def load(self, n_callers: int, duration_s: float) -> None:
        loop = asyncio.get_running_loop()
        end_s = loop.time() + duration_s

        async def caller(name: int) -> None:
            for n in itertools.count():
                if loop.time() >= end_s:
                    return
                await self.ask(float(1000 * name + n % 1000 + 1))

        await asyncio.gather(*(caller(k) for k in range(n_callers)))


@pytest.mark.parametrize("gap_s", [0.5, 5.0, 20.0])
def test_a_job_survives_the_restart_of_its_only_server(gap_s):
    async def run():
        server = OutageTransport("http://a:1", delay_s=0.02)
        async with Rig(server, allowed_tries=1) as rig:
            server.down_from_s, server.down_until_s = 2.0, 2.0 + gap_s
            await rig.load(n_callers=16, duration_s=gap_s + 10.0)
            assert rig.longest_s <= 2 * gap_s + 2.0
            assert server.tries < 10_000
            assert rig.client.statistics().failed_requests == 0
            assert rig.client.statistics().servers[0].state == "closed"

    run_in_virtual_time(run())


def test_with_all_servers_gone_each_request_ends_at_its_deadline():
    async def run():
        servers = [OutageTransport(f"http://s{k}:1") for k in range(2)]
        async with Rig(*servers, timeout_s=10.0) as rig:
            for server in servers:
                server.down_until_s = 1e9
            asked = [rig.client.infer(sparse_request([1.0])) for _ in range(50)]
            endings = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(ending) for ending in endings} == {DeadlineExceeded}
            assert asyncio.get_running_loop().time() == pytest.approx(10.0, abs=0.1)
            assert sum(server.tries for server in servers) < 60, "a server that is down is not hammered"

    run_in_virtual_time(run())


def test_who_has_someone_else_to_ask_does_not_wait_for_servers_that_are_all_gone():
    async def run():
        servers = [OutageTransport(f"http://s{k}:1") for k in range(2)]
        async with Rig(*servers, timeout_s=60.0) as rig:
            for server in servers:
                server.down_until_s = 20.0
            with pytest.raises(ServersUnavailable, match="cannot be reached"):
                await rig.client.infer(sparse_request([1.0]), is_patient=False)
            for _ in range(100):
                with pytest.raises(ServersUnavailable) as ending:
                    await rig.client.infer(sparse_request([1.0]), is_patient=False)
            assert "left alone" in str(ending.value)
            assert asyncio.get_running_loop().time() < 2.0
            await asyncio.sleep(60.0)
            result = await rig.client.infer(sparse_request([1.0]), is_patient=False)
            assert sums(result) == [1.0], "they are asked again when they may be back"

    run_in_virtual_time(run())


def test_a_patient_caller_in_the_same_body_waits():
    async def run():
        server = OutageTransport("http://a:1")
        async with Rig(server, timeout_s=60.0) as rig:
            server.down_until_s = 5.0
            asked = [rig.client.infer(sparse_request([1.0]), is_patient=patient) for patient in (True, False)]
            assert [sums(result) for result in await asyncio.gather(*asked)] == [[1.0], [1.0]]

    run_in_virtual_time(run())


def test_one_of_two_servers_gone_costs_no_request_more_than_a_moment():
    async def run():
        lost, other = OutageTransport("http://a:1", 0.02), OutageTransport("http://b:1", 0.02)
        async with Rig(lost, other) as rig:
            lost.down_from_s, lost.down_until_s = 1.0, 1e9
            await rig.load(n_callers=16, duration_s=30.0)
            assert rig.longest_s <= 0.5
            assert lost.tries < 150

    run_in_virtual_time(run())


def test_a_server_that_returns_gets_its_share_again():
    async def run():
        returning, other = OutageTransport("http://a:1", 0.02), OutageTransport("http://b:1", 0.02)
        async with Rig(returning, other, max_rows=1) as rig:
            returning.down_from_s, returning.down_until_s = 1.0, 6.0
            await rig.load(n_callers=6, duration_s=10.0)
            before = [server.bodies for server in rig.client.statistics().servers]
            await rig.load(n_callers=6, duration_s=10.0)
            after = [server.bodies for server in rig.client.statistics().servers]
            gained = [late - early for late, early in zip(after, before, strict=True)]
            assert min(gained) >= 0.3 * sum(gained)

    run_in_virtual_time(run())


def test_a_server_that_comes_back_is_looked_at_before_it_is_asked():
    async def run():
        changed, other = OutageTransport("http://a:1", 0.2), OutageTransport("http://b:1", 0.2)
        async with Rig(changed, other, max_rows=1) as rig:
            changed.down_from_s, changed.down_until_s = 1.0, 6.0
            await rig.load(n_callers=3, duration_s=5.0)
            changed.extensions = []  # it speaks our dialect no more; its answers would not tell
            before = rig.client.statistics().servers[0].bodies
            await rig.load(n_callers=3, duration_s=20.0)
            assert rig.client.statistics().servers[0].bodies == before
            changed.extensions = list(EXTENSIONS)
            await rig.load(n_callers=3, duration_s=40.0)
            assert rig.client.statistics().servers[0].bodies > before

    run_in_virtual_time(run())


def test_the_faster_server_gets_more():
    async def run():
        slow, fast = OutageTransport("http://a:1", 0.2), OutageTransport("http://b:1", 0.02)
        async with Rig(slow, fast, max_rows=1, max_in_flight=2) as rig:
            await rig.load(n_callers=4, duration_s=20.0)
            slow_bodies, fast_bodies = (server.bodies for server in rig.client.statistics().servers)
            assert fast_bodies >= 5 * slow_bodies > 0

    run_in_virtual_time(run())


def test_a_request_is_tried_no_more_often_than_allowed():
    async def run():
        server = OutageTransport("http://a:1")
        async with Rig(server, allowed_tries=3) as rig:
            server.always, server.tries = ConnectionLost("http://a:1 closed the connection"), 0
            with pytest.raises(
                ServersUnavailable, match=r"closed the connection \(3 times\); 3 tries are allowed"
            ):
                await rig.ask()
            assert server.tries == 3

    run_in_virtual_time(run())


def test_when_everything_fails_retries_stay_within_their_budget():
    async def run():
        servers = [OutageTransport(f"http://s{k}:1", 0.01) for k in range(8)]
        async with Rig(*servers, allowed_tries=10, max_rows=1, timeout_s=20.0) as rig:
            for server in servers:
                server.always = ConnectionLost("cut")
            asked = [rig.client.infer(sparse_request([1.0])) for _ in range(200)]
            endings = await asyncio.gather(*asked, return_exceptions=True)
            assert all(isinstance(ending, ServersUnavailable) for ending in endings)
            seconds = asyncio.get_running_loop().time()
            assert rig.client.statistics().retries <= BUDGET_CAPACITY + BUDGET_PER_SECOND * seconds + 1

    run_in_virtual_time(run())


@pytest.mark.parametrize("allowed_tries", [1, 2])
def test_a_server_that_has_fallen_silent_is_left_alone(allowed_tries):
    async def run():
        silent, good = OutageTransport("http://a:1", 0.02), OutageTransport("http://b:1", 0.02)
        async with Rig(silent, good, timeout_s=2.0, allowed_tries=allowed_tries) as rig:
            await rig.load(n_callers=4, duration_s=2.0)
            silent.delay_s = 1e6
            asked = [await ending(rig.ask()) for _ in range(50)]
            assert len([one for one in asked if one is not None]) <= 5
            assert [server.state for server in rig.client.statistics().servers] != ["closed", "closed"]

    run_in_virtual_time(run())


async def ending(asking):
    """The error that an awaitable ends with; None if with none."""
    try:
        await asking
    except ServersUnavailable as error:
        return error
    return None


def test_a_try_that_had_hardly_any_time_left_does_not_speak_against_the_server():
    async def run():
        server = OutageTransport("http://a:1", delay_s=0.3)
        async with Rig(server, timeout_s=0.32, allowed_tries=1) as rig:
            await rig.ask()
            server.delay_s = 0.4
            for _ in range(10):
                with pytest.raises(ServersUnavailable):
                    await rig.ask()
            assert rig.client.statistics().servers[0].state == "closed"
            server.delay_s = 0.1
            await rig.ask()

    run_in_virtual_time(run())
