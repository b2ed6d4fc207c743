import itertools

import pytest

from eventproc.errors import ConfigurationError
from eventproc.io.reading.empty_source import EmptySource
from eventproc.modules.parameters import convert_parameters


async def first_ids(n, **parameters):
    source = EmptySource(convert_parameters(EmptySource.Params, parameters, "source"), "TEST")
    return [tuple((await source.next_event()).id) for _ in range(n)]


async def test_events_are_numbered_from_one_in_one_run_and_luminosity_block():
    assert await first_ids(3) == [(1, 1, 1), (1, 1, 2), (1, 1, 3)]


async def test_the_first_id_can_be_chosen():
    assert await first_ids(2, firstRun=7, firstLuminosityBlock=5, firstEvent=100) == [
        (7, 5, 100),
        (7, 5, 101),
    ]


async def test_event_numbers_go_on_over_luminosity_blocks():
    assert await first_ids(4, numberEventsInLuminosityBlock=2) == [(1, 1, 1), (1, 1, 2), (1, 2, 3), (1, 2, 4)]


async def test_a_new_run_begins_again():
    ids = await first_ids(6, numberEventsInRun=3, numberEventsInLuminosityBlock=2)
    assert ids == [(1, 1, 1), (1, 1, 2), (1, 2, 3), (2, 1, 1), (2, 1, 2), (2, 2, 3)]


async def test_no_id_comes_twice():
    ids = await first_ids(200, numberEventsInRun=30, numberEventsInLuminosityBlock=7)
    assert all(earlier < later for earlier, later in itertools.pairwise(ids))


async def test_it_offers_nothing_and_does_not_know_its_end():
    source = EmptySource(EmptySource.Params(), "TEST")
    assert (list(source.branches()), source.expected_events()) == ([], None)
    assert (await source.next_event()).read(0) is None


def test_runs_are_numbered_from_one():
    with pytest.raises(ConfigurationError, match="firstRun"):
        convert_parameters(EmptySource.Params, {"firstRun": 0}, "source")


@pytest.mark.parametrize("name", ["firstRun", "firstLuminosityBlock"])
async def test_what_no_file_could_hold_is_refused_at_the_start(name):
    assert await first_ids(1, **{name: 2**32 - 1})
    with pytest.raises(ConfigurationError, match=f"parameter {name} = 4294967296"):
        await first_ids(1, **{name: 2**32})
