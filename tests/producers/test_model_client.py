"""One model at the servers, and at a fallback where the job allows one."""

import asyncio
import dataclasses

import numpy as np
import pytest

from inference_client.agreement import Agreement
from inference_client.configuration import ClientConfiguration
from inference_client.errors import ModelMismatchError, ServersUnavailable
from inference_client.protocol.arrays import dense_tensor
from inference_client.protocol.messages import InferenceRequest
from inference_client.signature import ModelExpectation
from inference_client.testing.fake_model import FakeModel, row_sums
from inference_client.testing.fake_server import FakeServer
from producers.fallback_check import MEASURED_ROWS, FallbackPolicy
from producers.model_client import ModelClient

CONFIGURATION = ClientConfiguration(
    model_name="fake", timeout_s=1.0, allowed_tries=1, preflight_timeout_s=1.0
)
NOWHERE = "http://127.0.0.1:9"


def question():
    return InferenceRequest(id="q", inputs=[dense_tensor("image", np.ones((1, 1, 2, 2), np.float32))])


def fake(sha256="0" * 64):
    return FakeServer(FakeModel(row_shape=(1, 2, 2), sha256=sha256))


def client():
    return ModelClient(CONFIGURATION, ModelExpectation)


async def test_the_fallback_is_not_started_while_servers_answer():
    async def find():
        raise AssertionError

    async with fake() as server:
        one = client()
        await one.start([server.address], find)
        result = await one.infer(question())
        await one.close()
    assert result.record.server == server.address
    assert one.fallback_calls == 0


async def test_the_fallback_answers_when_no_server_is_there_at_the_start():
    async with fake() as local:

        async def find():
            return local.address

        one = client()
        await one.start([NOWHERE], find)
        assert one.model.name == "fake"
        assert (await one.infer(question())).record.server == local.address
        await one.close()
    assert one.fallback_calls == 1


async def test_the_fallback_takes_over_when_the_server_dies_in_the_middle():
    async with fake() as server, fake() as local:

        async def find():
            return local.address

        one = client()
        await one.start([server.address], find)
        await one.infer(question())
        await server.stop()
        assert (await one.infer(question())).record.server == local.address
        await one.close()
    assert one.fallback_calls == 1
    assert [s.rows for s in one.statistics()] == [2, 1]


async def test_with_a_fallback_no_question_waits_for_its_deadline_and_the_server_is_asked_when_it_is_back():
    async with asyncio.timeout(30), fake() as server, fake() as local:

        async def find():
            return local.address

        one = ModelClient(dataclasses.replace(CONFIGURATION, timeout_s=600.0), ModelExpectation)
        await one.start([server.address], find)
        await one.infer(question())
        await server.stop()
        for _ in range(20):
            record = (await one.infer(question())).record
            assert record.server == local.address
        await server.start()
        while (await one.infer(question())).record.server != server.address:
            pass
        await one.close()


async def test_the_time_in_which_the_servers_did_not_answer_is_in_the_record():
    async with fake() as server, fake() as local:

        async def find():
            await asyncio.sleep(0.2)
            return local.address

        one = client()
        await one.start([server.address], find)
        await server.stop()
        record = (await one.infer(question())).record
        await one.close()
    assert record.server == local.address
    assert 200_000 <= record.retry_us <= record.total_us


async def test_where_the_fallback_may_not_answer_the_servers_are_waited_for():
    async with fake() as server, shifted(0.25) as local:
        policy = FallbackPolicy(tolerance=0.1)
        one = await after_the_servers_died(server, local, policy, timeout_s=20.0)
        with pytest.raises(ServersUnavailable, match="over the tolerance"):
            await one.infer(question())
        asked = asyncio.ensure_future(one.infer(question()))
        await asyncio.sleep(0)
        await server.start()
        assert (await asked).record.server == server.address
        await one.close()


async def test_a_fallback_with_another_model_file_is_refused():
    async with fake(sha256="1" * 64) as server, fake(sha256="2" * 64) as local:

        async def find():
            return local.address

        one = client()
        await one.start([server.address], find)
        await server.stop()
        with pytest.raises(ModelMismatchError, match="sha256"):
            await one.infer(question())
        await one.close()


async def test_without_a_fallback_a_dead_server_is_an_error():
    one = client()
    with pytest.raises(ServersUnavailable):
        await one.start([NOWHERE], None)
    await one.close()


async def test_the_fallback_is_not_held_against_the_preferred_server(caplog):
    async with fake() as server, fake() as local:

        async def find():
            return local.address

        wanted = dataclasses.replace(CONFIGURATION, preferred_server=server.address)
        one = ModelClient(wanted, ModelExpectation)
        await one.start([server.address], find)
        await server.stop()
        assert (await one.infer(question())).record.server == local.address
        await one.close()
    assert "preferred" not in caplog.text


def shifted(by):
    """A model whose scores are off by so much."""

    def compute(images):
        return row_sums(images) + np.float32(by)

    return FakeServer(FakeModel(compute, row_shape=(1, 2, 2)))


async def after_the_servers_died(server, local, policy, n_questions=3, **settings):
    """A client that was answered some questions before its server died and the fallback took over."""

    async def find():
        return local.address

    one = ModelClient(dataclasses.replace(CONFIGURATION, **settings), ModelExpectation, policy=policy)
    await one.start([server.address], find)
    for _ in range(n_questions):
        await one.infer(question())
    await server.stop()
    return one


class TestAgreement:
    async def test_the_fallback_is_asked_what_the_servers_were_asked(self):
        async with fake() as server, fake() as local:
            one = await after_the_servers_died(server, local, FallbackPolicy())
            assert one.fallback_agreement is None
            await one.infer(question())
            await one.close()
        assert one.fallback_agreement == Agreement(rows=3, equal_rows=3, largest=0.0)
        assert one.fallback_calls == 1

    async def test_no_more_than_the_first_rows_are_asked_again(self):
        async with fake() as server, fake() as local:
            one = await after_the_servers_died(server, local, FallbackPolicy(), MEASURED_ROWS + 10)
            await one.infer(question())
            await one.close()
        assert one.fallback_agreement.rows == MEASURED_ROWS

    async def test_a_difference_within_the_tolerance_is_reported_and_accepted(self):
        async with fake() as server, shifted(0.25) as local:
            one = await after_the_servers_died(server, local, FallbackPolicy(tolerance=0.3))
            result = await one.infer(question())
            await one.close()
        assert result.outputs["scores"][0, 0] == 4.25
        assert one.fallback_agreement == Agreement(rows=3, equal_rows=0, largest=0.25)

    async def test_a_larger_difference_is_refused_with_both_numbers(self):
        async with fake() as server, shifted(0.25) as local:
            one = await after_the_servers_died(server, local, FallbackPolicy(tolerance=0.1))
            for _ in range(2):
                with pytest.raises(ServersUnavailable, match=r"up to 0\.25 on 3 rows.*tolerance of 0\.1"):
                    await one.infer(question())
            await one.close()
        assert one.fallback_calls == 0
        assert one.fallback_agreement.largest == 0.25

    async def test_or_used_with_a_warning(self, caplog):
        async with fake() as server, shifted(0.25) as local:
            policy = FallbackPolicy(tolerance=0.1, refuses=False)
            one = await after_the_servers_died(server, local, policy)
            await one.infer(question())
            await one.infer(question())
            await one.close()
        assert one.fallback_calls == 2
        assert [r.levelname for r in caplog.records if "over the tolerance" in r.getMessage()] == ["WARNING"]

    async def test_answers_that_are_no_numbers_are_over_any_tolerance(self):
        async with fake() as server, shifted(np.nan) as local:
            one = await after_the_servers_died(server, local, FallbackPolicy(tolerance=1e9))
            with pytest.raises(ServersUnavailable, match="up to inf"):
                await one.infer(question())
            await one.close()

    async def test_a_fallback_of_a_server_that_never_answered_is_not_compared(self):
        async with shifted(0.25) as local:

            async def find():
                return local.address

            one = client()
            await one.start([NOWHERE], find)
            await one.infer(question())
            await one.close()
        assert one.fallback_agreement is None
        assert one.fallback_calls == 1
