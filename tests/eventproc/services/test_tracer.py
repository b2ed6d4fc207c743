import asyncio
import errno
import json

import pytest

from eventproc.errors import FileWriteError
from eventproc.model.event import EventView
from eventproc.model.event_id import EventID
from eventproc.services import trace_file
from eventproc.services.tracer import Tracer


@pytest.fixture
def tracer(tmp_path):
    service = Tracer(Tracer.Params(fileName=str(tmp_path / "trace.json")))
    asyncio.run(service.start())
    yield service
    asyncio.run(service.stop())


def event(number, stream=0):
    return EventView(EventID(1, 2, number), number - 1, stream, n_slots=0)


def stopped(tracer, folder):
    """What stands in the file after the end: the records without the metadata, in the order of time."""
    asyncio.run(tracer.stop())
    assert [path.name for path in folder.iterdir()] == ["trace.json"]
    records = json.loads((folder / "trace.json").read_text())["traceEvents"]
    return sorted((r for r in records if r["ph"] != "M"), key=lambda r: r["ts"])


def test_events_and_modules_are_slices_of_their_stream_one_in_the_other(tracer, tmp_path):
    for stream in (0, 1):
        tracer.begin_stream(stream)
        view = event(5, stream)
        tracer.pre_event(view)
        tracer.pre_module(view, "jets")
        tracer.post_module(view, "jets")
        tracer.post_event(view)
    records = stopped(tracer, tmp_path)
    assert [(r["ph"], r["name"], r["cat"], r["tid"]) for r in records] == [
        ("X", "event", "event", 0), ("X", "jets", "module", 0),
        ("X", "event", "event", 1), ("X", "jets", "module", 1),
    ]  # fmt: skip
    outer, inner = records[:2]
    assert inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"]
    assert outer["args"] == {"run": 1, "luminosityBlock": 2, "event": 5, "index": 4}


def test_work_elsewhere_is_a_slice_of_its_own_that_may_overlap(tracer, tmp_path):
    one, other = event(1, 0), event(2, 1)
    for view in (one, other):
        tracer.pre_event(view)
        tracer.pre_module(view, "tags")
    for view in (one, other):
        tracer.post_acquire(view, "tags")
        tracer.post_module(view, "tags")
        tracer.post_event(view)
    records = stopped(tracer, tmp_path)
    works = {r["id"]: {} for r in records if r["ph"] == "b"}
    assert len(works) == 2
    for record in records:
        if record["ph"] in "be":
            works[record["id"]][record["ph"]] = record["ts"]
    first, second = works.values()
    assert first["b"] < second["b"] < first["e"] < second["e"]
    produced = [r for r in records if (r["ph"], r["name"]) == ("X", "tags")]
    assert [r["ts"] for r in produced] == [first["e"], second["e"]]


def test_an_event_that_never_ended_is_marked(tracer, tmp_path):
    tracer.pre_event(event(3))
    (record,) = stopped(tracer, tmp_path)
    assert (record["args"]["event"], record["args"]["unfinished"]) == (3, True)


def test_streams_have_names(tracer, tmp_path):
    tracer.begin_stream(3)
    asyncio.run(tracer.stop())
    records = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [(r["tid"], r["args"]["name"]) for r in records if r["name"] == "thread_name"] == [(3, "stream 3")]


def test_the_file_appears_only_at_the_end_and_replaces_an_older_one(tracer, tmp_path):
    (tmp_path / "trace.json").write_text("old")
    for number in range(1, 3000):
        tracer.pre_event(event(number))
        tracer.post_event(event(number))
    assert (tmp_path / "trace.json").read_text() == "old"
    assert len(stopped(tracer, tmp_path)) == 2999


def test_a_folder_that_does_not_exist_is_told_at_the_start(tmp_path):
    service = Tracer(Tracer.Params(fileName=str(tmp_path / "nowhere" / "trace.json")))
    with pytest.raises(FileWriteError, match="nowhere"):
        asyncio.run(service.start())
    asyncio.run(service.stop())


def test_a_disk_that_is_full_costs_the_trace_and_not_the_job(tracer, tmp_path, monkeypatch, caplog):
    def refuse(self, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(trace_file.TraceFile, "_write", refuse)
    for number in range(1, 3000):
        tracer.pre_event(event(number))
        tracer.post_event(event(number))
    asyncio.run(tracer.stop())
    assert caplog.text.count("is given up: No space left on device") == 1
    assert list(tmp_path.iterdir()) == []
