"""Joining and scattering: every row comes back to its caller, in order, never another's."""

import asyncio
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference_client.client import InferenceClient
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ClientClosed, ConnectionLost, RequestRefused
from inference_client.protocol.arrays import dense_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from inference_client.testing.memory_transport import MemoryTransport
from tests.inference_client.images import small_model, sparse_request, sums
from tests.inference_client.virtual_time import run_in_virtual_time


class Rig:
    """A client on transports without a network."""

    def __init__(self, n_servers: int = 1, **settings):
        model_settings = settings.pop("model", {})
        self.model = small_model(**model_settings)
        addresses = [f"http://s{k}:1" for k in range(n_servers)]
        self.transports = {address: MemoryTransport(self.model, address) for address in addresses}
        configuration = ClientConfiguration("fake", servers=addresses, **({"timeout_s": 20.0} | settings))
        self.client = InferenceClient(configuration, connect=self.transports.__getitem__)

    async def __aenter__(self):
        await self.client.start()
        return self

    async def __aexit__(self, *ending):
        await self.client.close()

    @property
    def only(self) -> MemoryTransport:
        (transport,) = self.transports.values()
        return transport

    @property
    def body_rows(self) -> list[int]:
        return [request.inputs[0].shape[0] for request in self.model.calls]


async def ask_all(client, requests):
    return await asyncio.gather(*(client.infer(request) for request in requests))


def as_dense(request: InferenceRequest) -> InferenceRequest:
    tensor = request.inputs[0]
    return InferenceRequest(id="", inputs=[dense_tensor(tensor.name, to_array(tensor))])


@given(
    sizes=st.lists(st.tuples(st.integers(0, 30), st.booleans()), min_size=1, max_size=25),
    max_rows=st.integers(1, 24),
    max_in_flight=st.integers(1, 4),
    failing=st.sets(st.integers(0, 20), max_size=6),
)
@settings(max_examples=60)
def test_every_row_comes_back_to_its_caller_in_order(sizes, max_rows, max_in_flight, failing):
    async def run():
        model = {"max_rows": max_rows}
        async with Rig(2, model=model, max_in_flight=max_in_flight, allowed_tries=50) as rig:
            for k, transport in enumerate(rig.transports.values()):
                transport.failures.extend(ConnectionLost("cut") for n in failing if n % 2 == k)
            values, wanted, requests = iter(range(1, 10**6)), [], []
            for n_rows, is_dense in sizes:
                wanted.append([float(next(values)) for _ in range(n_rows)])
                request = sparse_request(wanted[-1])
                requests.append(as_dense(request) if is_dense else request)
            results = await ask_all(rig.client, requests)
            assert [sums(result) for result in results] == wanted
            assert [result.record.request_rows for result in results] == [len(rows) for rows in wanted]
            assert max(rig.body_rows, default=0) <= max_rows

    asyncio.run(run())


async def test_a_lone_request_leaves_in_the_same_turn():
    async with Rig() as rig:
        rig.only.delay_s = 0.02
        task = asyncio.ensure_future(rig.client.infer(sparse_request([1.0])))
        for _ in range(4):
            await asyncio.sleep(0)
        assert rig.only.in_flight == 1
        await task


async def test_requests_of_one_turn_share_a_body():
    async with Rig() as rig:
        results = await ask_all(rig.client, [sparse_request([float(k)] * 2) for k in range(1, 11)])
        assert rig.body_rows == [20]
        assert [result.record.body_rows for result in results] == [20] * 10


async def test_requests_of_consecutive_turns_share_a_body_while_another_is_under_way():
    async with Rig() as rig:
        rig.only.delay_s = 0.02
        first = asyncio.ensure_future(rig.client.infer(sparse_request([1.0])))
        await rig.only.begun(1)
        later = []
        for k in range(2, 8):  # as streams do that compute before they ask
            later.append(asyncio.ensure_future(rig.client.infer(sparse_request([float(k)]))))
            await asyncio.sleep(0)
        assert [sums(result) for result in await asyncio.gather(first, *later)] == [[k] for k in range(1, 8)]
        assert rig.body_rows == [1, 6]


async def test_what_is_larger_than_the_server_takes_is_split_and_joined_again():
    async with Rig(model={"max_rows": 16}) as rig:
        values = [float(k) for k in range(1, 101)]
        result = await rig.client.infer(sparse_request(values))
        assert sums(result) == values
        assert max(rig.body_rows) <= 16
        assert result.record.request_rows == 100
        assert len(result.record.request_id.split(",")) == 7


async def test_the_smaller_of_the_two_row_limits_holds():
    async with Rig(model={"max_rows": 16}, max_rows=5) as rig:
        await ask_all(rig.client, [sparse_request([1.0])] * 40)
        assert max(rig.body_rows) == 5


async def test_no_more_bodies_are_under_way_than_allowed():
    async with Rig(max_in_flight=3, max_rows=2) as rig:
        rig.only.delay_s = 0.005
        await ask_all(rig.client, [sparse_request([1.0])] * 60)
        assert rig.only.most_in_flight == 3


async def test_what_comes_while_no_more_may_be_under_way_shares_the_next_body():
    async with Rig(max_in_flight=1) as rig:
        rig.only.delay_s = 0.1
        asked = []
        for k in range(10):
            asked.append(asyncio.ensure_future(rig.client.infer(sparse_request([float(k)]))))
            await rig.only.begun(1)
            for _ in range(5):  # turns of the loop; one would not do for several to come together
                await asyncio.sleep(0)
        await asyncio.gather(*asked)
        assert rig.body_rows == [1, 9]


async def test_a_cancelled_caller_in_the_queue_sends_nothing():
    async with Rig(max_in_flight=1, max_rows=1) as rig:
        rig.only.delay_s = 0.02
        first = asyncio.ensure_future(rig.client.infer(sparse_request([1.0])))
        queued = [asyncio.ensure_future(rig.client.infer(sparse_request([float(k)]))) for k in (2, 3)]
        await rig.only.begun(1)
        queued[0].cancel()
        assert sums(await first) == [1.0]
        assert sums(await queued[1]) == [3.0]
        assert rig.body_rows == [1, 1]
        assert rig.client.statistics().cancelled_requests == 1


async def test_a_cancelled_caller_under_way_leaves_the_others_their_rows():
    async with Rig() as rig:
        rig.only.delay_s = 0.02
        tasks = [asyncio.ensure_future(rig.client.infer(sparse_request([float(k)]))) for k in (1, 2, 3)]
        await rig.only.begun(1)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert tasks[1].cancelled()
        assert (sums(tasks[0].result()), sums(tasks[2].result())) == ([1.0], [3.0])


async def test_a_body_that_nobody_waits_for_any_more_is_given_up():
    async with Rig() as rig:
        rig.only.delay_s = 60.0
        tasks = [asyncio.ensure_future(rig.client.infer(sparse_request([1.0]))) for _ in range(3)]
        await rig.only.begun(1)
        assert rig.only.in_flight == 1
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        for _ in range(5):
            await asyncio.sleep(0)
        assert rig.only.in_flight == 0


async def test_a_retry_leaves_out_the_rows_of_callers_that_have_gone_and_takes_a_new_id():
    async with Rig() as rig:
        rig.only.failures.append(ConnectionLost("cut"))
        rig.only.delay_s = 0.01
        tasks = [asyncio.ensure_future(rig.client.infer(sparse_request([float(k)]))) for k in (1, 2)]
        await rig.only.begun(1)
        tasks[0].cancel()
        result = await tasks[1]
        assert sums(result) == [2.0]
        assert rig.body_rows == [1]
        assert result.record.attempts == 2
        assert result.record.request_id.endswith("-2")


async def test_one_callers_bad_rows_are_found_and_only_that_caller_gets_the_error():
    async with Rig() as rig:
        refuse_poison(rig, 13.0)
        requests = [sparse_request([float(k), float(k) + 0.5]) for k in range(1, 21)]
        results = await asyncio.gather(*(rig.client.infer(r) for r in requests), return_exceptions=True)
        errors = [result for result in results if isinstance(result, BaseException)]
        assert len(errors) == 1
        assert isinstance(results[12], RequestRefused)
        good = [sums(result) for k, result in enumerate(results) if k != 12]
        assert good == [[float(k), float(k) + 0.5] for k in range(1, 21) if k != 13]


async def test_a_body_that_is_too_large_is_sent_in_smaller_ones():
    async with Rig() as rig:
        refuse_more_than(rig, 5)
        values = [float(k) for k in range(1, 31)]
        assert sums(await rig.client.infer(sparse_request(values))) == values


async def test_closing_answers_everyone_who_still_waits():
    async with Rig(max_in_flight=1, max_rows=1) as rig:
        rig.only.delay_s = 60.0
        tasks = [asyncio.ensure_future(rig.client.infer(sparse_request([1.0]))) for _ in range(5)]
        await rig.only.begun(1)
        await rig.client.close()
        endings = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(ending) for ending in endings] == [ClientClosed] * 5
        assert rig.only.in_flight == 0
        assert rig.only.is_closed


def calls_per_s(n_callers: int, latency_s: float, work_s: float = 0.0) -> float:
    """Answers per second, when each caller asks again `work_s` after its answer."""

    async def run() -> float:
        async with Rig(model={"max_rows": 1000}) as rig:
            rig.only.delay_s = latency_s
            loop = asyncio.get_running_loop()
            answered = Counter()

            async def caller(name: int) -> None:
                await asyncio.sleep(work_s * name / n_callers)
                while loop.time() < end_s:
                    await rig.client.infer(sparse_request([1.0]))
                    answered[name] += 1
                    await asyncio.sleep(work_s)

            begun_s = loop.time()
            end_s = begun_s + 3.0
            await asyncio.gather(*(caller(k) for k in range(n_callers)))
            assert min(answered.values()) >= 0.8 * max(answered.values())
            return answered.total() / (loop.time() - begun_s)

    return run_in_virtual_time(run())


@pytest.mark.parametrize("n_callers", [1, 2, 3, 5, 8, 16, 64, 200])
def test_latency_is_hidden_for_any_number_of_callers(n_callers):
    assert calls_per_s(n_callers, latency_s=0.06) >= 0.95 * n_callers / 0.06


@pytest.mark.parametrize("n_callers", [2, 5, 16, 64])
@pytest.mark.parametrize("work_s", [0.003, 0.05, 0.2])
def test_callers_that_come_one_by_one_wait_little_longer_than_the_server_takes(n_callers, work_s):
    unhindered = n_callers / (0.06 + work_s)
    assert calls_per_s(n_callers, 0.06, work_s) >= 0.75 * unhindered


def refuse_poison(rig: Rig, poison: float) -> None:
    answer = rig.model.answer

    def picky(request, server):
        if poison in to_array(request.inputs[0]):
            raise RequestRefused("backend failed", 500)
        return answer(request, server)

    rig.model.answer = picky


def refuse_more_than(rig: Rig, n_rows: int) -> None:
    answer = rig.model.answer

    def small(request, server):
        if len(to_array(request.inputs[0])) > n_rows:
            raise RequestRefused("too large", 413)
        return answer(request, server)

    rig.model.answer = small


async def test_arrays_of_a_result_belong_to_the_caller():
    async with Rig() as rig:
        one, other = await ask_all(rig.client, [sparse_request([1.0]), sparse_request([2.0])])
        one.outputs["scores"][:] = np.nan
        assert sums(other) == [2.0]
        assert other.outputs["scores"].flags.owndata, "it would keep the rows of all callers in memory"
