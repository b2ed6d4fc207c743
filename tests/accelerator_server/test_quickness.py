"""Quickness: what is run in the event loop has proved that it is quick, and one slow batch ends it."""

from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.quickness import QUICK_S, Quickness


def after(*batches: tuple[int, float]) -> Quickness:
    quickness = Quickness()
    for n_rows, took_s in batches:
        quickness.saw(n_rows, took_s)
    return quickness


def test_what_was_never_seen_is_not_quick():
    assert not Quickness().is_quick(1)
    assert not after((1, 1e-6)).is_quick(1)


def test_a_model_that_was_quick_is_quick_until_it_is_slow_once():
    quickness = after(*[(1, 30e-6)] * 4)
    assert quickness.is_quick(1)
    assert not quickness.is_quick(32)
    quickness.saw(1, 5e-3)
    assert not quickness.is_quick(1)
    for _ in range(4):
        quickness.saw(1, 30e-6)
    assert quickness.is_quick(1)


@given(st.integers(1, 64), st.integers(1, 64), st.floats(0, 1e-3), st.floats(0, 1e-4))
def test_no_model_of_fixed_cost_and_cost_per_row_is_taken_for_quick_when_it_is_not(seen, n, fixed_s, row_s):
    quickness = after(*[(seen, fixed_s + seen * row_s)] * 4)
    if quickness.is_quick(n):
        assert fixed_s + n * row_s <= QUICK_S * 1.001
