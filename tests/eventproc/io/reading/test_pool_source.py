import asyncio
import itertools
import threading

import numpy as np
import pytest
import uproot
from aiohttp import web

from eventproc.errors import (
    ConfigurationError,
    FileOpenError,
    FileReadError,
    MismatchedInputFiles,
    ProductNotFound,
)
from eventproc.model.product import ColumnSchema, product_class
from eventproc.modules.source import SourceBinding
from tests.eventproc.io.tracks import (
    NUMBERS,
    TRACKS,
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
def open_source():
    """Makes sources that are closed at the end."""
    sources = []

    def make(*files, **parameters):
        sources.append(make_source(*files, **parameters))
        return sources[-1]

    yield make
    for source in sources:
        source.close()


async def test_events_come_in_order_with_their_products(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 2500))
    bind_all(source, Tracks, Numbers)
    events = await read_all(source)
    assert [event[0] for event in events] == [event_id(n) for n in range(2500)]
    for n, (_, some_tracks, some_numbers) in enumerate(events):
        assert same(some_tracks, tracks(n)), n
        assert same(some_numbers, numbers(n)), n


async def test_several_files_follow_one_another(tmp_path, open_source):
    sizes = [3, 0, 1200, 5]
    starts = list(itertools.accumulate(sizes, initial=0))
    files = [
        write_file(tmp_path / f"{i}.root", size, first=first)
        for i, (size, first) in enumerate(zip(sizes, starts, strict=False))
    ]
    source = open_source(*files)
    bind_all(source, Tracks, Numbers)
    assert source.expected_events() == 1208
    assert [event[0] for event in await read_all(source)] == [event_id(n) for n in range(1208)]
    records = source.input_files()
    assert [(r.pfn, r.events_read) for r in records] == [
        (str(file), size) for file, size in zip(files, sizes, strict=True)
    ]


async def test_no_chunk_is_read_of_which_nothing_will_be_asked_for(tmp_path, open_source):
    files = [write_file(tmp_path / f"{i}.root", 1000, first=1000 * i) for i in range(3)]
    source = open_source(*files)
    bind_all(source, Tracks, Numbers)
    source.limit(1000)
    ids = [(await source.next_event()).id for _ in range(1000)]
    assert ids == [event_id(n) for n in range(1000)]
    assert await source.next_event() is None
    assert [record.pfn for record in source.input_files()] == [str(files[0])]


async def test_a_limit_within_a_chunk_leaves_no_wanted_event_out(tmp_path, open_source):
    source = open_source(*(write_file(tmp_path / f"{i}.root", 1000, first=1000 * i) for i in range(3)))
    bind_all(source, Tracks, Numbers)
    source.limit(1001)
    ids = [(await source.next_event()).id for _ in range(1001)]
    assert ids == [event_id(n) for n in range(1001)]


@pytest.mark.parametrize("skip", [0, 1, 999, 1000, 1003, 1005, 2000])
async def test_skipped_events_count_over_files(tmp_path, open_source, skip):
    files = [write_file(tmp_path / "a.root", 1003), write_file(tmp_path / "b.root", 5, first=1003)]
    source = open_source(*files, skipEvents=skip)
    bind_all(source, Tracks, Numbers)
    events = await read_all(source)
    assert [event[0] for event in events] == [event_id(n) for n in range(skip, 1008)]
    assert source.expected_events() == len(events)
    assert all(same(event[1], tracks(n)) for n, event in enumerate(events, start=skip))


async def test_a_file_without_events_ends_at_once(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 0))
    bind_all(source, Tracks, Numbers)
    assert source.expected_events() == 0
    assert await source.next_event() is None
    assert await source.next_event() is None


async def test_only_bound_products_are_read(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 3))
    (branch,) = [branch for branch in source.branches() if branch.label == "numbers"]
    source.bind([SourceBinding(branch, Numbers, 5)])
    event = await source.next_event()
    assert (event.read(4), event.read(5).value.dtype) == (None, np.int32)


async def test_a_job_that_binds_nothing_gets_the_ids(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 3))
    source.branches()
    source.bind([])
    assert (await source.next_event()).id == event_id(0)


async def test_the_report_knows_runs_and_luminosity_blocks(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 150))
    bind_all(source, Tracks, Numbers)
    for _ in range(120):
        await source.next_event()
    (record,) = source.input_files()
    assert (record.events_read, record.runs_and_lumis) == (120, ((1, 1), (1, 2)))


async def test_a_class_may_want_fewer_columns_in_another_order(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 4))
    wanted = tuple(c for c in reversed(Tracks.schema()) if c.name in ("charge", "hitTime", "pt"))
    source.bind([SourceBinding(source.branches()[0], product_class("Tracks", wanted), 0)])
    for n in range(4):
        product = (await source.next_event()).read(0)
        product.check()
        assert np.array_equal(product.pt, tracks(n).pt)


@pytest.mark.parametrize(
    ("column", "phrase"),
    [
        (ColumnSchema("pT", "float32"), "no such column"),
        (ColumnSchema("pt", "float64"), "it as float32 on axis ''"),
        (ColumnSchema("hitTime", "float64"), "it as float64 on axis 'hit'"),
    ],
)
def test_a_class_that_wants_other_columns_is_refused(tmp_path, open_source, column, phrase):
    source = open_source(write_file(tmp_path / "a.root", 4))
    with pytest.raises(ProductNotFound, match=phrase) as error:
        source.bind([SourceBinding(source.branches()[0], product_class("Tracks", (column,)), 0)])
    assert "a.root" in str(error.value)


def test_history_is_that_of_the_file(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 1))
    source.branches()
    assert list(source.history()) == [{"name": "GEN"}]


def test_a_process_may_not_bear_the_name_of_one_that_made_the_file(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 1), process="GEN")
    with pytest.raises(ConfigurationError, match="'GEN'; give this process another name"):
        source.branches()


def test_every_file_is_looked_at_before_the_first_event(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 1), tmp_path / "b.root")
    with pytest.raises(FileOpenError, match=r"b\.root.*did you mean 'a\.root'"):
        source.branches()


@pytest.mark.parametrize("products", [(TRACKS,), (NUMBERS,)])
def test_a_later_file_with_other_products_is_refused(tmp_path, open_source, products):
    write_file(tmp_path / "a.root", 1)
    write_file(tmp_path / "b.root", 1, branches=products)
    source = open_source(tmp_path / "a.root", tmp_path / "b.root")
    missing = "Numbers_numbers_odd_GEN" if products == (TRACKS,) else "Tracks_tracks__GEN"
    with pytest.raises(MismatchedInputFiles, match=rf"b\.root' holds other .*a\.root'.*{missing}"):
        source.branches()


async def test_a_basket_that_is_damaged_fails_the_read_and_not_before(tmp_path, open_source):
    path = write_file(tmp_path / "a.root", 3000)
    spoil_basket(path, "tracks_pt", 2)
    source = open_source(path)
    bind_all(source, Tracks, Numbers)
    for n in range(2000):
        assert (await source.next_event()).id == event_id(n)
    for _ in range(2):
        with pytest.raises(FileReadError, match="'tracks_pt', entries 2000 to 2999") as error:
            await source.next_event()
        assert str(path) in str(error.value)


async def test_a_file_that_vanishes_while_the_job_runs_is_an_open_error(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 1), write_file(tmp_path / "b.root", 1, first=1))
    bind_all(source, Tracks, Numbers)
    (tmp_path / "b.root").unlink()
    assert (await source.next_event()).id == event_id(0)
    with pytest.raises(FileOpenError, match=r"b\.root"):
        await source.next_event()


async def test_files_are_read_over_http(tmp_path, open_source):
    write_file(tmp_path / "a.root", 1500)
    server = web.Application()
    server.router.add_static("/", tmp_path)
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        source = open_source(f"http://127.0.0.1:{port}/a.root")
        # The server answers on this loop.
        await asyncio.to_thread(bind_all, source, Tracks, Numbers)
        assert [event[0] for event in await read_all(source)] == [event_id(n) for n in range(1500)]
    finally:
        await runner.cleanup()


async def test_a_cancelled_stream_loses_no_event(tmp_path, open_source):
    source = open_source(write_file(tmp_path / "a.root", 1500))
    bind_all(source, Tracks, Numbers)
    waiting = asyncio.ensure_future(source.next_event())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert [event[0] for event in await read_all(source)] == [event_id(n) for n in range(1500)]


async def test_closing_in_the_middle_ends_the_reading_thread(tmp_path):
    source = make_source(write_file(tmp_path / "a.root", 2500))
    bind_all(source, Tracks, Numbers)
    await source.next_event()
    assert any(thread.name.startswith("pool-source") for thread in threading.enumerate())
    source.close()
    assert not any(thread.name.startswith("pool-source") for thread in threading.enumerate())


def test_a_source_that_was_never_opened_can_be_closed(tmp_path):
    make_source(tmp_path / "a.root").close()


def test_a_source_needs_files():
    with pytest.raises(ConfigurationError, match="fileNames"):
        make_source()


def spoil_basket(path, branch, number):
    """Overwrites the middle of a basket, where the codec notices."""
    with uproot.open(path) as file:
        begin = file["Events"][branch].basket_key(number).data_cursor.index
    content = bytearray(path.read_bytes())
    content[begin : begin + 20] = b"\xff" * 20
    path.write_bytes(content)
