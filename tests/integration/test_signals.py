"""Signals at any moment: the job ends with 128 + n, and every event is in the partial file or unprocessed."""

import json
import multiprocessing
import os
import random
import signal

import pytest
import uproot

from eventproc.io.inspection.file_summary import verify
from eventproc.runtime.stop_signals import WATCHED
from tests.integration.signal_job import N_EVENTS, run

LIMIT_S = 100


@pytest.fixture(scope="module")
def forkserver():
    # Starting Python anew for each job would take longer than all the rest.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.integration.signal_job", "tests.integration.modules"])
    return context


def stop(forkserver, folder, number, after_s):
    """Sends a signal to a job some time after its first event, and looks what it left."""
    folder.mkdir()
    said, saying = forkserver.Pipe(duplex=False)
    process = forkserver.Process(target=run, args=(folder, saying))
    process.start()
    saying.close()
    try:
        assert said.poll(LIMIT_S), (folder / "log").read_text()
        said.recv()
        process.join(after_s)
        os.kill(process.pid, number)
        process.join(LIMIT_S)
        assert process.exitcode == 128 + number, (folder / "log").read_text()
    finally:
        process.kill()
        process.join()
        said.close()
    return check(folder, number)


def check(folder, number):
    """How many events the partial file has; all that came before the signal, and no others."""
    assert sorted(p.name for p in folder.iterdir() if p.suffix == ".root") == ["out.partial.root"]
    report = json.loads((folder / "FrameworkJobReport.json").read_text())
    assert (report["exit_code"], report["signal_name"]) == (9000, signal.Signals(number).name)
    with uproot.open(folder / "out.partial.root") as file:
        events = file["Events"]["event"].array(library="np")
    assert events.tolist() == list(range(1, len(events) + 1))
    assert report["outputs"][0]["events"] == report["events_read"] == len(events)
    assert len(events) + report["events_unprocessed"] == N_EVENTS
    verify(str(folder / "out.partial.root"))
    return len(events)


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGXCPU])
def test_a_signal_of_a_batch_system_ends_a_job_at_an_event_boundary(tmp_path, forkserver, number):
    assert stop(forkserver, tmp_path / "job", number, 0.0) > 0


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("number", WATCHED)
def test_thirty_signals_at_random_lose_no_event(tmp_path, forkserver, sample_seed, number):
    dice = random.Random(sample_seed)
    events = [stop(forkserver, tmp_path / str(k), number, dice.uniform(0, 1.5)) for k in range(30)]
    print(f"30 jobs ended by {signal.Signals(number).name} after {min(events)} to {max(events)} events")
