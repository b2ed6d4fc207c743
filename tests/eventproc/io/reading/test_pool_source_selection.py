"""The events that a batch job's slice, or a lumi mask, selects."""

import pytest

from eventproc.errors import ConfigurationError
from tests.eventproc.io.tracks import (
    Numbers,
    Tracks,
    bind_all,
    event_id,
    make_source,
    numbers,
    read_all,
    same,
    tracks,
    write_file,
)

N = 10_000_000_000
"""The number of the first event."""


@pytest.fixture
def read(tmp_path):
    """Numbers of the events that a source over two files hands out, products checked."""
    files = [write_file(tmp_path / "a.root", 1500), write_file(tmp_path / "b.root", 500, first=1500)]
    by_id = {event_id(n): n for n in range(2000)}

    async def run(**parameters):
        source = make_source(*files, **parameters)
        try:
            bind_all(source, Tracks, Numbers)
            found = []
            for id_, some_tracks, some_numbers in await read_all(source):
                n = by_id[id_]
                assert same(some_tracks, tracks(n))
                assert same(some_numbers, numbers(n))
                found.append(n)
            return found, source.expected_events()
        finally:
            source.close()

    return run


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (["", ""], range(2000)),
        (["0-9", "10-19"], [*range(10), *range(1510, 1520)]),
        (["990-1010", "499-499"], [*range(990, 1011), 1999]),
        (["1400-9999", "9000-9999"], range(1400, 1500)),
        (["1499-1499", ""], range(1499, 2000)),
    ],
)
async def test_each_file_gives_its_entries(read, entries, expected):
    assert await read(entriesToProcess=entries) == (list(expected), len(expected))


async def test_skipped_events_are_counted_among_the_selected_ones(read):
    found, expected = await read(entriesToProcess=["10-19", "0-4"], skipEvents=12)
    assert (found, expected) == ([1502, 1503, 1504], 3)


async def test_a_lumi_mask_selects_within_files_and_chunks(read):
    found, expected = await read(lumisToProcess=["1:2-1:3", "2:16", "2:1-2:1"])
    assert found == [*range(100, 300), *range(1500, 1600)]
    assert expected == 300


async def test_a_lumi_mask_and_entries_go_together(read):
    found, _ = await read(lumisToProcess=["1:1-1:1"], entriesToProcess=["95-105", ""])
    assert found == list(range(95, 100))


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({"lumisToSkip": ["1:1-1:9", "2"]}, range(900, 1000)),
        ({"lumisToProcess": ["1:9-2:11"], "lumisToSkip": ["1:10"]}, [*range(800, 900), *range(1000, 1100)]),
        ({"firstRun": 2}, range(1000, 2000)),
        ({"firstLuminosityBlock": 10}, range(900, 2000)),
        ({"firstRun": 2, "firstLuminosityBlock": 11, "firstEvent": N + 1050}, [*range(1050, 2000)]),
        ({"firstRun": 1, "firstEvent": N + 998}, range(998, 2000)),
        ({"eventsToProcess": [f"1:{N + 3}-1:{N + 5}", f"2:{N + 1700}"]}, [3, 4, 5, 1700]),
        ({"eventsToProcess": [f"1:1:{N + 98}-1:2:{N + 101}"]}, range(98, 102)),
        ({"eventsToProcess": [f"1:{N + 990}-2:{N + 1005}"], "lumisToSkip": ["1"]}, range(1000, 1006)),
        ({"eventsToSkip": ["1:min-1:max", f"2:{N + 1001}-2:max"]}, [1000]),
        ({"eventsToProcess": [f"1:{N}-1:{N + 9}"], "eventsToSkip": [f"1:{N + 2}-1:{N + 8}"]}, [0, 1, 9]),
        ({"eventsToProcess": ["9:1"]}, []),
    ],
)
async def test_events_are_selected_by_their_ids(read, parameters, expected):
    assert await read(**parameters) == (list(expected), len(expected))


@pytest.mark.parametrize("mode", ["checkEachFile", "noDuplicateCheck"])
async def test_skipped_events_are_counted_after_all_other_selection(read, mode):
    wanted = {"lumisToProcess": ["1:2-1:3", "2:6-2:7"], "duplicateCheckMode": mode}
    assert (await read(**wanted, skipEvents=150))[0] == list(range(250, 300))
    assert (await read(**wanted, skipEvents=150, entriesToProcess=["0-299", "0-49"]))[0] == list(
        range(250, 300)
    )


async def test_to_count_events_is_not_to_read_them(tmp_path):
    files = [write_file(tmp_path / f"{k}.root", 5, first=5 * k) for k in range(2)]
    source = make_source(*files, eventsToProcess=[f"1:{N}-1:{N + 7}"])
    bind_all(source, Tracks, Numbers)
    assert source.expected_events() == 8
    assert list(source.input_files()) == []
    await source.next_event()
    assert next((record.pfn, record.events_read) for record in source.input_files()) == (str(files[0]), 1)
    source.close()


async def test_a_golden_json_selects(read, tmp_path):
    (tmp_path / "golden.json").write_text('{"1": [[2, 3]], "2": [[20, 20]]}')
    found, expected = await read(lumisToProcess=[str(tmp_path / "golden.json"), "2:12"])
    assert found == [*range(100, 300), *range(1100, 1200), *range(1900, 2000)]
    assert expected == len(found)


async def test_any_division_by_skipped_events_gives_every_event_once(read):
    wanted = {"lumisToProcess": ["1:3-1:4", "2:15-2:17"], "eventsToSkip": [f"1:{N + 350}"]}
    whole, expected = await read(**wanted)
    parts = []
    for first in range(0, expected, 150):
        found, left = await read(**wanted, skipEvents=first)
        assert left == expected - first
        parts += found[:150]
    assert parts == whole


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"entriesToProcess": ["0-1"]}, "1 entriesToProcess for 2 fileNames"),
        ({"entriesToProcess": ["0-1", "x"]}, "'x' is no range of entries"),
        ({"lumisToProcess": ["1:2:3"]}, "'1:2:3' is not a range of luminosity blocks"),
        ({"lumisToSkip": ["2:3-1:4"]}, "'2:3-1:4' is not a range of luminosity blocks"),
        ({"lumisToProcess": ["none.json"]}, "'none.json' cannot be read: No such file"),
        ({"eventsToProcess": ["1"]}, "'1' is not a range of events"),
        ({"eventsToSkip": ["1:2-x"]}, "'1:2-x' is not a range of events"),
        ({"duplicateCheckMode": "checkAll"}, "duplicateCheckMode"),
    ],
)
async def test_a_selection_that_makes_no_sense_is_refused(read, parameters, message):
    with pytest.raises(ConfigurationError, match=message):
        await read(**parameters)
