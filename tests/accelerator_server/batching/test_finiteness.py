"""Values that are no numbers: refused where a model says so, and never answered as scores (row F20)."""

import asyncio
import math

import numpy as np
import pytest

from accelerator_server.batching.finiteness import first_nonfinite_row, nan_error, nan_rows
from inference_client.protocol import codec
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor, to_array
from inference_client.protocol.messages import InferenceRequest
from tests.accelerator_server.answers import INFER, infer, metrics, waiting_requests
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.running import posting, request_of, running

BAD = [math.nan, math.inf, -math.inf]
GOOD_ROW = [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_first_row_that_is_not_finite_is_found(value, dtype):
    rows = np.ones((5, 2, 3), dtype)
    assert first_nonfinite_row(dense_tensor("x", rows)) is None
    rows[3, 1, 1] = value
    rows[4] = value
    assert first_nonfinite_row(dense_tensor("x", rows)) == 3


def test_huge_numbers_are_finite_though_their_sum_is_not():
    rows = np.full((4, 1000), np.finfo(np.float32).max)
    assert first_nonfinite_row(dense_tensor("x", rows)) is None


@pytest.mark.parametrize("value", BAD)
def test_pairs_of_a_sparse_tensor_are_looked_at_and_told_by_their_row(value):
    counts, index = np.array([2, 0, 1, 2]), np.array([0, 1, 2, 0, 3])
    values = np.ones(5, np.float16)
    assert first_nonfinite_row(sparse_tensor("x", (4,), counts, index, values)) is None
    for position, row in ((0, 0), (1, 0), (2, 2), (3, 3), (4, 3)):
        values[:] = 1
        values[position:] = value
        assert first_nonfinite_row(sparse_tensor("x", (4,), counts, index, values)) == row


def test_bytes_are_finite_unless_their_scale_is_huge():
    steps = np.full((2, 4), 255, np.uint8)
    assert first_nonfinite_row(scaled_tensor("x", steps, 0.5)) is None
    assert first_nonfinite_row(scaled_tensor("x", steps, 1e38)) == 0


def test_whole_numbers_and_no_rows_at_all_are_finite():
    assert first_nonfinite_row(dense_tensor("x", np.ones((2, 3), np.int64))) is None
    assert first_nonfinite_row(dense_tensor("x", np.ones((0, 3), np.float32))) is None


def test_only_who_has_a_nan_in_its_rows_is_told_of_it():
    outputs = {"y": np.zeros((6, 2), np.float32), "z": np.zeros(6, np.float64), "n": np.zeros(6, np.int32)}
    assert nan_rows(outputs, 6) == {}
    outputs["y"][3, 1] = math.nan
    outputs["z"][5] = math.nan
    found = nan_rows(outputs, 5)  # the last row is padding
    assert set(found) == {"y"}
    assert nan_error(found, 0, 3) is None
    assert nan_error(found, 4, 5) is None
    assert "output y, row 1" in str(nan_error(found, 2, 4))
    assert set(nan_rows(outputs, 6)) == {"y", "z"}


async def answer(session, request):
    async with session.post(INFER, **posting(request)) as reply:
        body = await reply.read()
        if reply.status == 200:
            return to_array(codec.decode_response(body).outputs[0]).tolist()
        error = codec.decode_error(body)
        return reply.status, error.code, error.error


@pytest.mark.parametrize("isolation", ["thread", "process"])
@pytest.mark.parametrize("value", BAD)
async def test_a_model_that_takes_only_numbers_refuses_others_and_says_where(tmp_path, value, isolation):
    write_model(tmp_path, keys=f'reject_nonfinite = true\nmax_rows = 8\nisolation = "{isolation}"')
    async with running(tmp_path) as session:
        for _ in range(6):  # in a device thread, and in the event loop once the model is known to be quick
            bad = request_of([GOOD_ROW, [1, 2, value, 4]])
            status, code, text = await answer(session, bad)
            assert (status, code) == (422, "nonfinite")
            assert "input x, row 1" in text
            assert await answer(session, request_of([GOOD_ROW])) == [[1, 2]]
        assert 'accelerator_refusals_total{code="nonfinite"} 6.0' in await metrics(session)


async def test_neighbours_of_what_is_refused_are_answered(tmp_path, gate):
    write_model(tmp_path, backend="gated", keys="reject_nonfinite = true\nmax_rows = 8")
    async with running(tmp_path) as session:
        first = await gate.hold(infer(session, request_of([GOOD_ROW])))
        bad = asyncio.ensure_future(answer(session, request_of([[math.nan] * 4] * 2)))
        good = [asyncio.ensure_future(answer(session, request_of([[k] * 4]))) for k in range(3)]
        await waiting_requests(session, 4)
        gate.open()
        await first
        assert (await bad)[:2] == (422, "nonfinite")
        assert await asyncio.gather(*good) == [[[k, k]] for k in range(3)]
    assert gate.batches == [1, 3]


@pytest.mark.parametrize("isolation", ["thread", "process"])
async def test_nan_is_never_answered_as_a_score(tmp_path, isolation):
    write_model(tmp_path, keys=f'isolation = "{isolation}"')
    async with running(tmp_path) as session:
        for _ in range(6):
            status, code, text = await answer(session, request_of([GOOD_ROW, [1, math.nan, 3, 4]]))
            assert (status, code) == (500, "nan_output")
            assert "output y, row 1" in text
            assert await answer(session, request_of([GOOD_ROW])) == [[1, 2]]
        assert await answer(session, request_of([[math.inf, 2, 3, 4]])) == [[math.inf, 2]]


async def test_nan_is_answered_where_the_model_says_that_it_is_a_result(tmp_path):
    write_model(tmp_path, keys="allow_nan_outputs = true")
    async with running(tmp_path) as session:
        ((first, second),) = await answer(session, request_of([[math.nan, 2, 3, 4]]))
        assert math.isnan(first)
        assert second == 2


async def test_sparse_inputs_are_refused_by_their_pairs(tmp_path):
    write_model(tmp_path, keys="reject_nonfinite = true")
    values = np.array([1, math.nan], np.float32)
    sparse = sparse_tensor("x", (4,), np.array([1, 1]), np.array([0, 3]), values)
    async with running(tmp_path) as session:
        status, code, text = await answer(session, InferenceRequest(id="s", inputs=[sparse]))
    assert (status, code) == (422, "nonfinite")
    assert "input x, row 1" in text
