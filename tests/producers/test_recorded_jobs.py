"""Whole jobs that record their traffic, are answered from it without a server, and are sent again."""

import asyncio
import dataclasses
import json
import threading
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from eventproc.cli.main import application
from eventproc.errors import CommandLineError, ConfigurationError, ExternalFailure
from eventproc.services.job_report import JobReport
from inference_client.recording.recording import Recording
from inference_client.testing.fake_server import FakeServer
from tests.producers.faulty_jobs import LABELS, events, fingerprints, model
from tests.producers.jobs import run_chain
from tests.producers.serving import serve_elsewhere

TAGGER = {"modelName": "toptag", "timeout": 20}


async def run(made, *, servers=(), record="", replay="", streams=8, **tagger) -> JobReport:
    service = {"recordFile": str(record), "replayFile": str(replay)}
    return await run_chain(
        made, *LABELS, servers=servers, streams=streams, service=service, topTags={**TAGGER, **tagger}
    )


def scores(collected):
    """Bits of the scores of every event; events end in any order, and no two have the same scores."""
    return sorted(event["TopTags"].score.tobytes() for event in collected)


@pytest.fixture
async def recorded(tmp_path):
    """A recording of a job, and the scores that it had."""
    path = tmp_path / "job.rec"
    async with FakeServer(model()) as server:
        report, collected = await run(events(), servers=[server.address], record=path)
    assert not report.errors, report.errors
    return path, scores(collected)


async def test_a_job_is_answered_from_the_recording_of_another_with_the_same_bits(recorded):
    path, expected = recorded
    for streams in (1, 3, 16):  # requests are joined otherwise each time
        report, collected = await run(events(), replay=path, streams=streams)
        assert not report.errors, report.errors
        assert scores(collected) == expected
    assert any(np.frombuffer(bits, np.float32).size for bits in expected)


@pytest.mark.parametrize("mode", ["PseudoAsync", "Sync"])
async def test_every_mode_records_and_replays(tmp_path, recorded, mode):
    path, expected = tmp_path / "mode.rec", recorded[1]
    with serve_elsewhere(FakeServer(model())) as address:
        report, _ = await run(events(), servers=[address], record=path, mode=mode)
    assert not report.errors, report.errors
    _, collected = await run(events(), replay=path, mode=mode)
    assert scores(collected) == expected


async def test_events_that_were_not_recorded_end_the_job_and_name_the_recording(recorded):
    path, _ = recorded
    others = [dict(event) for event in events()]
    hits = others[1]["ecalRecHits"]
    others[1] = {"ecalRecHits": dataclasses.replace(hits, energy=hits.energy * np.float32(1.5))}
    report, _ = await run(others, replay=path)
    (error,) = report.errors
    assert error.exit_code == ConfigurationError.exit_code
    assert "has no answer to row 0" in str(error)
    assert str(path) in str(error)


async def test_a_recording_that_exists_ends_the_job_before_the_first_event(recorded):
    path, _ = recorded
    before = path.read_bytes()
    report, collected = await run(events(), servers=["http://127.0.0.1:9"], record=path)
    assert "exists; remove it or choose another name" in str(report.errors[0])
    assert collected == []
    assert path.read_bytes() == before


async def test_a_job_that_fails_leaves_a_complete_recording_of_what_it_asked(tmp_path):
    path = tmp_path / "failed.rec"
    async with FakeServer(model()) as server:
        made = events()
        made[5] = {}  # no hits: the chain fails there
        report, _ = await run(made, servers=[server.address], record=path, streams=1)
    assert report.errors
    with Recording(path) as recording:
        assert recording.is_complete
        assert recording.exchanges


@pytest.fixture
def elsewhere():
    """A server of the same model in another thread, for the command, which has a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = FakeServer(model())
    asyncio.run_coroutine_threadsafe(server.start(), loop).result()
    yield server
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def command(*words: object):
    return CliRunner().invoke(application, ["replay", *map(str, words)])


class TestCommand:
    def test_it_sends_the_load_and_finds_that_answers_agree(self, recorded, elsewhere):
        path, _ = recorded
        done = command(path, "--servers", elsewhere.address, "--speed", "max", "--tolerance", 0)
        assert done.exit_code == 0, done.output
        with Recording(path) as recording:
            n_requests = len(recording.exchanges)
        assert len(elsewhere.requests) == n_requests
        assert f"requests: {n_requests}, rows: 30, answered: {n_requests}" in done.output
        assert "answers compared: 30 rows, 30 equal to the bit" in done.output
        assert "largest difference: 0" in done.output

    def test_answers_that_differ_end_it_with_1_and_the_largest_difference(self, recorded, elsewhere):
        elsewhere.model = model()
        elsewhere.model._compute = lambda images: fingerprints(images) + np.float32(0.25)
        done = command(recorded[0], "--servers", elsewhere.address, "--speed", "max", "--tolerance", 0.1)
        assert done.exit_code == 1
        assert "30 rows, 0 equal to the bit" in done.output
        assert "largest difference: 0.25" in done.output

    def test_it_prints_json(self, recorded, elsewhere):
        done = command(recorded[0], "--servers", elsewhere.address, "--speed", 1000, "--json")
        figures = json.loads(done.output)
        assert figures["answered"] == figures["requests"] > 0
        assert figures["latency"]["p99_s"] > 0
        assert figures["shortfall"] == ""

    @pytest.mark.parametrize("speed", ["0", "-1", "fast", "inf", "nan"])
    def test_a_speed_that_is_none_is_named(self, tmp_path, speed):
        done = command(tmp_path / "a.rec", "--servers", "http://a:1", f"--speed={speed}")
        assert isinstance(done.exception, CommandLineError)
        assert speed in str(done.exception)

    def test_a_file_that_is_no_recording_is_named(self, elsewhere):
        done = command(Path(__file__), "--servers", elsewhere.address)
        assert isinstance(done.exception, ConfigurationError)
        assert "is not a recording of inference" in str(done.exception)

    def test_a_server_that_is_not_there_is_named(self, recorded):
        done = command(recorded[0], "--servers", "http://127.0.0.1:9")
        assert isinstance(done.exception, ExternalFailure)
        assert "127.0.0.1:9 cannot be reached" in str(done.exception)
