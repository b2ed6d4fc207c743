"""Which rows travel together: nothing lost, nothing doubled, order kept, limits obeyed."""

import asyncio
from collections import deque

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference_client.batching.packing import halves, split, take
from inference_client.protocol.arrays import dense_tensor, to_array
from inference_client.protocol.messages import InferenceRequest, RequestedOutput
from inference_client.requests.ticket import Part, Ticket
from tests.inference_client.images import sparse_request


@pytest.fixture(scope="module")
def loop():
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def ticket(loop, n_rows: int, kind: int = 0) -> Ticket:
    request = sparse_request([1.0] * n_rows)
    if kind:
        request.outputs = [RequestedOutput(str(kind))]
    return Ticket(request, n_rows, 0.0, 1.0, loop.create_future())


def spans(parts) -> list[tuple[int, int]]:
    return [(part.start, part.stop) for part in parts]


@given(n_rows=st.integers(1, 500), max_rows=st.integers(1, 100))
def test_a_split_request_covers_its_rows_once_in_few_nearly_equal_parts(loop, n_rows, max_rows):
    parts = split(ticket(loop, n_rows), max_rows)
    assert [row for start, stop in spans(parts) for row in range(start, stop)] == list(range(n_rows))
    assert len(parts) == -(-n_rows // max_rows)
    sizes = [part.n_rows for part in parts]
    assert max(sizes) <= max_rows
    assert max(sizes) - min(sizes) <= 1


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 2), st.booleans()), max_size=30), st.integers(1, 40)
)  # fmt: skip
def test_a_queue_is_emptied_part_by_part_in_order_within_each_kind(loop, entries, max_rows):
    tickets = [ticket(loop, n_rows, kind) for n_rows, kind, _ in entries]
    for one, (_, _, is_cancelled) in zip(tickets, entries, strict=True):
        if is_cancelled:
            one.future.cancel()
    queue = deque(part for one in tickets for part in split(one, max_rows))
    wanted = [part for part in queue if part.ticket.is_open]
    taken = []
    while queue:
        body = take(queue, max_rows)
        assert sum(part.n_rows for part in body) <= max_rows
        assert len({part.ticket.kind for part in body}) <= 1
        taken += body
    for kind in {part.ticket.kind for part in wanted}:
        assert [p for p in taken if p.ticket.kind == kind] == [p for p in wanted if p.ticket.kind == kind]
    assert len(taken) == len(wanted)


def test_a_body_takes_as_many_whole_parts_as_fit(loop):
    queue = deque(Part(ticket(loop, n), 0, n) for n in (3, 4, 2, 5))
    assert [part.n_rows for part in take(queue, 9)] == [3, 4, 2]
    assert [part.n_rows for part in take(queue, 9)] == [5]


def test_a_part_that_does_not_fit_is_not_overtaken_by_a_smaller_one(loop):
    queue = deque(Part(ticket(loop, n), 0, n) for n in (3, 8, 1))
    assert [part.n_rows for part in take(queue, 9)] == [3]
    assert [part.n_rows for part in take(queue, 9)] == [8, 1]


def test_a_part_larger_than_a_body_travels_alone(loop):
    queue = deque([Part(ticket(loop, 20), 0, 20), Part(ticket(loop, 1), 0, 1)])
    assert [part.n_rows for part in take(queue, 8)] == [20]


def test_tensors_of_another_kind_do_not_share_a_body(loop):
    dense = InferenceRequest(id="", inputs=[dense_tensor("image", to_array(sparse_request([1.0]).inputs[0]))])
    other = Ticket(dense, 1, 0.0, 1.0, loop.create_future())
    queue = deque([Part(ticket(loop, 1), 0, 1), Part(other, 0, 1), Part(ticket(loop, 2), 0, 2)])
    assert [part.n_rows for part in take(queue, 8)] == [1, 2]
    assert take(queue, 8)[0].ticket is other


def test_requests_for_other_outputs_or_with_other_parameters_do_not_share_a_body(loop):
    plain, named, told = ticket(loop, 1), ticket(loop, 1, kind=1), ticket(loop, 1)
    told.request.parameters = {"priority": 1}
    told = Ticket(told.request, 1, 0.0, 1.0, loop.create_future())
    queue = deque(Part(one, 0, 1) for one in (plain, named, told))
    assert [[part.ticket for part in take(queue, 8)] for _ in range(3)] == [[plain], [named], [told]]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=9))
def test_halves_of_several_parts_keep_every_part_whole(loop, sizes):
    parts = [Part(ticket(loop, n), 0, n) for n in sizes]
    first, second = halves(parts)
    assert first + second == parts
    assert first
    assert second


def test_halves_of_one_part_cut_between_rows(loop):
    one = ticket(loop, 9)
    first, second = halves([Part(one, 2, 7)])
    assert spans(first) + spans(second) == [(2, 4), (4, 7)]
