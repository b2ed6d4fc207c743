"""Recordings of several processes become one; what is missing of them is told, and nothing is lost."""

import json
import signal
import subprocess
import sys

import pytest

from inference_client.protocol.arrays import to_array
from inference_client.recording.joining import join_parts
from inference_client.recording.recorder import Recorder
from inference_client.recording.recording import Recording
from inference_client.testing.fake_model import FakeModel
from tests.inference_client.images import small_model
from tests.inference_client.other_process import ROOT
from tests.inference_client.recording.recordings import SERVER, call

KILLED = """
import os, signal, sys
from tests.inference_client.recording.recordings import call
from inference_client.recording.recorder import Recorder
recorder = Recorder(sys.argv[1])
while recorder.written_bytes < 2**20 + 2**18:
    recorder.request("http://a:1", call(7.0))
os.kill(os.getpid(), signal.SIGKILL)
"""


class Asking:
    """A recorder and the model that answers what it records."""

    def __init__(self, path, model: FakeModel) -> None:
        self.recorder = Recorder(path)
        self._model = model

    def ask(self, value: float):
        """Records a request; the reply is recorded when what is returned is called."""
        asked = call(value)
        number = self.recorder.request("http://a:1", asked)
        return lambda: self.recorder.reply(number, self._model.answer(asked.request, "fake"))


@pytest.fixture
def whole(tmp_path):
    with Recorder(tmp_path / "job.rec") as recorder:
        yield recorder


@pytest.fixture
def parts(whole):
    """Two processes of a job that ask in turn; the second is answered out of order."""
    paths = [whole.part_path(0), whole.part_path(1)]
    model = small_model()
    one, other = (Asking(path, model) for path in paths)
    one.recorder.server("http://a:1", SERVER)
    one.recorder.model("http://a:1", "", model.metadata)
    late = other.ask(1.0)
    one.ask(2.0)()
    other.ask(3.0)()
    other.recorder.no_reply(other.recorder.request("http://b:1", call(4.0)), ValueError())
    late()
    one.ask(5.0)()
    for each in (one, other):
        each.recorder.close()
    return paths


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_requests_are_in_the_order_in_which_they_were_sent_each_with_its_own_answer(whole, parts, tmp_path):
    join_parts(parts, whole)
    assert (whole.requests, whole.failure) == (5, "")
    assert names(tmp_path) == ["job.rec"]
    with Recording(whole.path) as recording:
        assert recording.is_complete
        assert [e.number for e in recording.exchanges] == [1, 2, 3, 4, 5]
        assert [recording.request(e).id for e in recording.exchanges] == [
            f"r-{k}.0" for k in (1, 2, 3, 4, 5)
        ]  # fmt: skip
        sent_us = [e.at_us for e in recording.exchanges]
        assert sent_us == sorted(sent_us)
        assert sent_us[0] >= 0
        assert all(e.latency_us >= 0 for e in recording.exchanges)
        assert (recording.exchanges[3].error, recording.exchanges[3].server) == ("ValueError", "http://b:1")
        for k in (0, 1, 2, 4):
            reply = recording.reply(recording.exchanges[k])
            assert reply.id == f"r-{k + 1}.0"
            assert to_array(reply.outputs[0])[0, 0] == k + 1
        assert recording.servers == {"http://a:1": SERVER}
        assert {name for name, _ in recording.models} == {"fake"}


def test_a_part_that_is_missing_leaves_the_recording_without_its_name(whole, parts, tmp_path, caplog):
    parts[1].unlink()
    join_parts(parts, whole)
    (left,) = names(tmp_path)
    assert left.startswith("job.rec.partial-")
    assert f"a process did not end its part ({parts[1].name})" in whole.failure
    assert left in whole.failure
    assert whole.failure in caplog.text
    with Recording(tmp_path / left) as recording:
        assert "it was not ended; 2 requests are whole" in recording.shortfall


def test_what_a_killed_process_recorded_is_kept(whole, parts, tmp_path):
    killed = whole.part_path(2)
    done = subprocess.run([sys.executable, "-c", KILLED, str(killed)], check=False, cwd=ROOT)
    assert done.returncode == -signal.SIGKILL
    join_parts([*parts, killed], whole)
    (left,) = names(tmp_path)
    assert killed.name in whole.failure
    with Recording(tmp_path / left) as recording:
        assert not recording.is_complete
        asked = [recording.request(e).id for e in recording.exchanges]
    assert asked[:5] == [f"r-{k}.0" for k in (1, 2, 3, 4, 5)]
    assert len(asked) > 100
    assert set(asked[5:]) == {"r-7.0"}


def test_a_process_that_was_killed_before_it_wrote_anything_costs_the_others_nothing(whole, parts, tmp_path):
    path = whole.part_path(2)
    path.with_name(f"{path.name}.partial-host-1").touch()
    join_parts([*parts, whole.part_path(2)], whole)
    assert whole.requests == 5
    assert whole.part_path(2).name in whole.failure
    assert len(names(tmp_path)) == 1


def test_a_damaged_part_is_named_and_all_parts_are_kept(whole, parts, tmp_path, caplog):
    content = bytearray(parts[0].read_bytes())
    content[-60] ^= 1
    parts[0].write_bytes(content)
    join_parts(parts, whole)
    assert f"recording {parts[0]} is damaged at byte" in whole.failure
    assert f"are kept: {parts[0]}, {parts[1]}" in caplog.text
    assert [path.exists() for path in (*parts, whole.path)] == [True, True, False]


def test_a_disk_that_has_no_room_for_both_keeps_the_parts(whole, parts, tmp_path):
    """A limit on the size of files stands for a full disk; it holds for a process of its own."""
    script = """
import json, resource, signal, sys
from pathlib import Path
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
from inference_client.recording.joining import join_parts
from inference_client.recording.recorder import Recorder
recorder = Recorder(sys.argv[1])
join_parts([Path(word) for word in sys.argv[2:]], recorder)
print(json.dumps([recorder.is_lost, recorder.failure]))
"""
    path = tmp_path / "other.rec"
    done = subprocess.run(
        [sys.executable, "-c", script, path, *parts], capture_output=True, text=True, check=True, cwd=ROOT
    )
    lost, failure = json.loads(done.stdout)
    assert lost
    assert "given up: File too large" in failure
    assert not path.exists()
    assert all(part.exists() for part in parts)
