"""Input over HTTP and XRootD: real servers of this machine, whole files and broken ones."""

import asyncio
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from aiohttp import web

from eventproc.errors import ConfigurationError, FileOpenError, FileReadError
from tests.eventproc.io.reading.xrootd import free_port, xrootd_server
from tests.eventproc.io.tracks import (
    Numbers,
    Tracks,
    bind_all,
    event_id,
    make_source,
    read_all,
    same,
    tracks,
    write_file,
)


@contextmanager
def http_server(folder):
    """Serves ``folder/data`` with ranges and listings, in a thread; gives its address."""
    loop = asyncio.new_event_loop()
    application = web.Application()
    application.router.add_static("/data", folder / "data", show_index=True)
    runner = web.AppRunner(application, shutdown_timeout=1)

    async def start():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner.addresses[0][1]

    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        port = asyncio.run_coroutine_threadsafe(start(), loop).result(20)
        yield f"http://127.0.0.1:{port}/data"
    finally:
        asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


SERVERS = {"http": http_server, "root": xrootd_server}


@pytest.fixture(scope="module", params=["http", pytest.param("root", marks=pytest.mark.requires("xrootd"))])
def served(request, tmp_path_factory):
    """An address, and the folder behind it, with events 0-1199 and 1200-1249 in two files."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "data").mkdir()
    write_file(folder / "data" / "a.root", 1200)
    write_file(folder / "data" / "b.root", 50, first=1200)
    with SERVERS[request.param](folder) as address:
        yield address, folder / "data"


async def read(*files, **parameters):
    source = make_source(*files, **parameters)
    try:
        # What opens files may use an event loop of its own.
        await asyncio.to_thread(bind_all, source, Tracks, Numbers)
        return await read_all(source)
    finally:
        await asyncio.to_thread(source.close)


async def test_files_are_read(served):
    address, _ = served
    events = await read(f"{address}/a.root", f"{address}/b.root")
    assert [event[0] for event in events] == [event_id(n) for n in range(1250)]
    assert same(events[700][1], tracks(700))


async def test_a_wildcard_stands_for_the_files_that_the_server_lists(served):
    address, _ = served
    events = await read(f"{address}/*.root")
    assert [event[0] for event in events] == [event_id(n) for n in range(1250)]
    with pytest.raises(FileOpenError, match="no file matches"):
        await read(f"{address}/*.rot")


async def test_a_file_that_is_missing_is_an_open_error(served):
    address, _ = served
    with pytest.raises(FileOpenError, match=r"cannot open input file '.*/c\.root'"):
        await read(f"{address}/c.root")


async def test_checksums_are_those_of_the_bytes_that_the_server_gives(served, tmp_path):
    address, folder = served
    right = hashlib.sha256((folder / "b.root").read_bytes()).hexdigest()
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps([{"file": f"{address}/b.root", "sha256": right}]))
    assert len(await read(f"{address}/b.root", checksumManifest=str(manifest))) == 50
    manifest.write_text(json.dumps([{"file": f"{address}/b.root", "sha256": "0" * 64}]))
    with pytest.raises(FileReadError, match=f"promises: sha256 {right}"):
        await read(f"{address}/b.root", checksumManifest=str(manifest))


@pytest.mark.parametrize("scheme", ["http", pytest.param("root", marks=pytest.mark.requires("xrootd"))])
async def test_nobody_who_listens_is_an_open_error(scheme, monkeypatch):
    for name, value in {"XRD_CONNECTIONWINDOW": "1", "XRD_CONNECTIONRETRY": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(FileOpenError, match="cannot open input file"):
        await read(f"{scheme}://127.0.0.1:{free_port()}//data/a.root")


async def test_a_server_that_is_gone_while_the_job_runs_is_an_error_and_no_end(tmp_path):
    (tmp_path / "data").mkdir()
    write_file(tmp_path / "data" / "a.root", 3000)
    with http_server(tmp_path) as address:
        source = make_source(f"{address}/a.root")
        await asyncio.to_thread(bind_all, source, Tracks, Numbers)
        await source.next_event()
    with pytest.raises((FileReadError, FileOpenError), match=r"a\.root"):
        await read_all(source)
    source.close()


async def test_a_server_without_ranges_is_refused_with_the_reason(tmp_path):
    write_file(tmp_path / "a.root", 50)

    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments):
            super().__init__(*arguments, directory=str(tmp_path))

        def log_message(self, *arguments):
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(FileOpenError, match="serves no ranges"):
                await read(f"http://127.0.0.1:{server.server_port}/a.root")
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "name",
    ["ftp://host/a.root", "github://o:r@main/a.root", "zip://a.root::http://host/a.zip", "roots://h//a"],
)
async def test_other_schemes_are_refused_before_anybody_is_asked(name):
    with pytest.raises(ConfigurationError, match="inputs are paths and URLs of file:, http:, https:, root:"):
        await read(name)
