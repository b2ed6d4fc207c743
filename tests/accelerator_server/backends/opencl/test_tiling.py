"""Tiles fit their maps, whatever the size."""

from hypothesis import given
from hypothesis import strategies as st

from accelerator_server.backends.opencl.tiling import (
    DeviceClass,
    Problem,
    Tile,
    candidates,
    default_tile,
    fitted,
)

PROBLEMS = st.builds(
    Problem,
    st.just((3, 3)),
    st.just((1, 1)),
    st.just(16),
    st.integers(1, 8),
    st.integers(1, 32),
    st.integers(1, 40),
    st.integers(1, 40),
)


@given(PROBLEMS, st.builds(Tile, st.integers(1, 4), st.integers(1, 16), st.integers(1, 8)))
def test_a_fitted_tile_is_no_larger_than_its_map_and_deals_the_blocks_evenly(problem, tile):
    found = fitted(tile, problem)
    assert 1 <= found.rows <= problem.height
    assert 1 <= found.columns <= min(problem.width, tile.columns)
    assert problem.target_blocks % found.blocks == 0


@given(PROBLEMS, st.sampled_from(DeviceClass))
def test_the_default_is_measured_too_and_nothing_twice(problem, device_class):
    found = list(candidates(problem, device_class))
    assert found[0] == default_tile(problem, device_class)
    assert len(set(found)) == len(found)


def test_a_width_that_is_no_multiple_is_cut_evenly():
    problem = Problem((1, 1), (1, 1), 16, 4, 4, 8, 8)
    assert fitted(Tile(1, 7, 4), problem) == Tile(1, 4, 4)
