"""Compact rows mean what the tensors mean: the same bits as a batch buffer, whatever ran before."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.backends.compact import LitRows, ScaledRows
from accelerator_server.backends.table import load_backend
from accelerator_server.batching.compaction import Compactor
from accelerator_server.batching.executor import BatchRunner
from accelerator_server.batching.finiteness import FinitenessRule
from accelerator_server.batching.lanes import LocalLane
from accelerator_server.batching.model_queue import Job
from accelerator_server.model_spec import TensorSpec
from inference_client.protocol.arrays import dense_tensor, scaled_tensor, sparse_tensor, to_array
from inference_client.protocol.messages import Tensor
from tests.accelerator_server.backends.onnxruntime.showing_model import SPEC, random_rows, showing_settings

IMAGES = SPEC.inputs[0]


def sparse(index, value, counts=None, dtype=np.float32) -> Tensor:
    counts = [len(index)] if counts is None else counts
    return sparse_tensor(
        IMAGES.name, IMAGES.row_shape, np.array(counts), np.array(index, int), np.array(value, dtype)
    )


@st.composite
def image_tensors(draw, kinds: list[str], max_rows: int = 3) -> Tensor:
    n_rows = draw(st.integers(1, max_rows))
    kind = draw(st.sampled_from(kinds))
    if kind in ("plain", "scaled"):
        pixels = draw(st.lists(st.integers(0, 255), min_size=n_rows * 12, max_size=n_rows * 12))
        steps = np.array(pixels, np.uint8).reshape(n_rows, 1, 3, 4)
        scale = draw(st.floats(-4, 4, width=32))
        return (
            scaled_tensor("images", steps, scale)
            if kind == "scaled"
            else dense_tensor("images", steps.astype(np.float32))
        )
    # In any order, and the same pixel more than once.
    rows = [draw(st.lists(st.integers(0, 11), max_size=4)) for _ in range(n_rows)]
    index = list(chain.from_iterable(rows))
    value = draw(st.lists(st.floats(width=16), min_size=len(index), max_size=len(index)))
    return sparse(index, value, [len(row) for row in rows], np.float16 if kind == "f16" else np.float32)


@st.composite
def batches(draw) -> list[Tensor]:
    kinds = draw(st.sampled_from([["f16"], ["f32"], ["scaled"], ["f16", "f32", "scaled", "plain"]]))
    return draw(st.lists(image_tensors(kinds, 2), min_size=1, max_size=4))


def jobs_of(batch: list[Tensor]) -> list[Job]:
    """The images with other inputs, dense, beside them."""
    return [
        Job(
            tensors={
                **{name: dense_tensor(name, rows) for name, rows in random_rows(tensor.shape[0]).items()},
                "images": tensor,
            },
            n_rows=tensor.shape[0],
            n_bytes=0,
            result=None,
        )
        for tensor in batch
    ]


def runner(padded: bool, **parameters) -> BatchRunner:
    lane = LocalLane(load_backend("onnxruntime", showing_settings(**parameters)), SPEC)
    assert lane.takes_compact is bool(parameters)
    return BatchRunner(lane, SPEC, padded=padded, finiteness=FinitenessRule(allow_nan_outputs=True))


def answers(runner: BatchRunner, batch: list[Tensor]) -> list[dict[str, bytes]]:
    (report,) = runner.run(jobs_of(batch))
    assert report.n_rows == sum(tensor.shape[0] for tensor in batch)
    return [
        {name: rows.tobytes() for name, rows in outcome.outputs.items()} for _, outcome in report.outcomes
    ]


@pytest.mark.parametrize("padded", [False, True])
def test_every_request_gets_the_bits_that_it_gets_where_the_host_expands(padded):
    device, host = runner(padded, scatter_on_device=True), runner(padded)

    @given(st.lists(batches(), min_size=1, max_size=3))
    def check(sequence):
        for batch in sequence:
            found = answers(device, batch)
            assert found == answers(host, batch)
            assert [one["same_images"] for one in found] == [to_array_bytes(tensor) for tensor in batch]

    check()


def test_a_batch_of_one_encoding_goes_to_the_device_and_a_mixed_one_through_the_host(monkeypatch):
    device = runner(padded=False, scatter_on_device=True)
    forms = []
    run = device.lane.run
    monkeypatch.setattr(
        device.lane, "run", lambda n, *, alone, compact: forms.append(compact) or run(n, compact=compact)
    )
    lit, dense = sparse([3], [4]), dense_tensor("images", np.ones((1, 1, 3, 4), np.float32))
    for batch in ([lit, lit], [lit, dense], [dense], [lit]):
        assert [one["same_images"] for one in answers(device, batch)] == [
            to_array(tensor).tobytes() for tensor in batch
        ]
    assert [list(form) for form in forms] == [["images"], [], [], ["images"]]


def to_array_bytes(tensor: Tensor) -> bytes:
    return to_array(tensor).astype(np.float32).tobytes()


class TestCompactor:
    @pytest.fixture
    def compactor(self) -> Compactor:
        return Compactor(IMAGES, 8)

    def test_sparse_rows_are_joined_and_their_values_have_the_type_of_the_input(self, compactor):
        rows = compactor.compact(
            [sparse([1, 3], [5, 6], [1, 1], np.float16), sparse([0], [7], dtype=np.float16)], 3
        )
        assert isinstance(rows, LitRows)
        assert rows.positions.tolist() == [1, 15, 24]
        assert rows.positions.dtype == np.int64
        assert rows.values.tolist() == [5, 6, 7]
        assert rows.values.dtype == np.float32

    def test_of_equal_positions_the_last_is_left(self, compactor):
        tensor = sparse([3, 1, 3], [1, 2, 3])
        rows = compactor.compact([tensor], 4)
        assert (rows.positions.tolist(), rows.values.tolist()) == ([1, 3], [2, 3])

    def test_a_position_that_an_earlier_batch_had_is_not_taken_for_a_repetition(self, compactor):
        for _ in range(2):
            rows = compactor.compact([sparse([7, 2], [1, 2])], 4)
            assert (rows.positions.tolist(), rows.values.tolist()) == ([7, 2], [1, 2])

    def test_rows_without_any_pair_are_one_zero(self, compactor):
        rows = compactor.compact([sparse([], [], [0, 0])], 2)
        assert (rows.positions.tolist(), rows.values.tolist()) == ([0], [0])

    def test_scaled_rows_keep_their_own_scales_and_are_padded_with_zeros(self, compactor):
        steps = np.full((1, 1, 3, 4), 9, np.uint8)
        rows = compactor.compact(
            [scaled_tensor("images", steps, 0.5), scaled_tensor("images", steps, 2.0)], 4
        )
        assert isinstance(rows, ScaledRows)
        assert rows.scales.reshape(-1).tolist() == [0.5, 2, 0, 0]
        assert [row.tolist() for row in rows.steps[:, 0, 0, 0]] == [9, 9, 0, 0]

    @pytest.mark.parametrize(
        "batch",
        [
            [dense_tensor("images", np.ones((1, 1, 3, 4), np.float32))],
            [sparse([1], [1]), dense_tensor("images", np.ones((1, 1, 3, 4), np.float32))],
            [sparse([1], [1]), scaled_tensor("images", np.ones((1, 1, 3, 4), np.uint8), 1.0)],
            [sparse([1], [1]), sparse([1], [1], dtype=np.float16)],
            [sparse(range(12), range(12))],
        ],
        ids=[
            "dense",
            "sparse and dense",
            "sparse and scaled",
            "two types of values",
            "more bytes than dense",
        ],
    )
    def test_the_host_expands_what_has_no_smaller_form_in_common(self, compactor, batch):
        assert compactor.compact(batch, len(batch)) is None

    def test_rows_of_one_element_have_no_smaller_form(self):
        compactor = Compactor(TensorSpec("t", "FP32", (1,)), 4)
        tensor = sparse_tensor("t", (1,), np.array([1, 0]), np.array([0]), np.array([4], np.float32))
        assert compactor.compact([tensor], 2) is None
