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
    assert expected is None


async def test_a_lumi_mask_and_entries_go_together(read):
    found, _ = await read(lumisToProcess=["1:1-1:1"], entriesToProcess=["95-105", ""])
    assert found == list(range(95, 100))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"entriesToProcess": ["0-1"]}, "1 entriesToProcess for 2 fileNames"),
        ({"entriesToProcess": ["0-1", "x"]}, "'x' is no range of entries"),
        ({"lumisToProcess": ["1-2"]}, "'1-2' is no range of luminosity blocks"),
        ({"lumisToProcess": ["1:2"], "skipEvents": 1}, "cannot go with lumisToProcess"),
    ],
)
async def test_a_selection_that_makes_no_sense_is_refused(read, parameters, message):
    with pytest.raises(ConfigurationError, match=message):
        await read(**parameters)
