from eventproc.model.trigger_results import (
    PathState,
    index_of,
    pack,
    path_status,
    state_of,
    trigger_results,
)


def test_a_packed_status_gives_back_state_and_position():
    packed = [(state, index) for state in PathState for index in (0, 1, 5, 60_000)]
    assert [(state_of(pack(*each)), index_of(pack(*each))) for each in packed] == packed


def test_results_have_a_row_for_each_path():
    results = trigger_results((pack(PathState.Pass, 2), pack(PathState.Exception, 40_000)))
    results.check()
    assert (results.state.tolist(), results.index.tolist()) == ([1, 3], [2, 40_000])


def test_events_that_fare_alike_share_one_product_that_nobody_can_change():
    status = path_status(pack(PathState.Fail, 1))
    status.check()
    assert path_status(pack(PathState.Fail, 1)) is status
    assert not status.state.flags.writeable
