"""The file of a recording: what goes in comes out, and what is missing or damaged is told."""

import io
import os
import signal
import subprocess
import sys
import threading

import msgpack
import pytest

from inference_client.errors import InvalidSettingError, RecordingError
from inference_client.recording.recorder import Recorder
from inference_client.recording.recording import Recording
from tests.inference_client.images import small_model
from tests.inference_client.other_process import ROOT
from tests.inference_client.recording.recordings import call, write


def test_what_was_written_is_read(tmp_path):
    path = tmp_path / "a.rec"
    write(path, [1.0], [2.0, 3.0])
    with Recording(path) as recording:
        assert recording.is_complete
        assert recording.shortfall == ""
        assert recording.servers["http://a:1"].name == "fake"
        assert {name for name, _ in recording.models} == {"fake"}
        assert [recording.request(e).id for e in recording.exchanges] == ["r-1.0", "r-2.0"]
        assert [recording.reply(e).outputs[0].shape for e in recording.exchanges] == [[1, 2], [2, 2]]
        assert all(e.latency_us >= 0 for e in recording.exchanges)


def test_any_reader_of_msgpack_can_read_it(tmp_path):
    path = tmp_path / "a.rec"
    write(path, [1.0])
    records = [msgpack.unpackb(payload) for payload, _crc in msgpack.Unpacker(io.BytesIO(path.read_bytes()))]
    assert [record["type"] for record in records] == [
        "header", "server", "model", "request", "reply", "end",
    ]  # fmt: skip
    assert records[0]["version"] == 1


def test_a_request_without_a_reply_keeps_the_kind_of_error_and_nothing_else(tmp_path):
    path = tmp_path / "a.rec"
    with Recorder(path) as recorder:
        recorder.no_reply(recorder.request("http://a:1", call(1.0)), ValueError("secret"))
    with Recording(path) as recording:
        assert recording.exchanges[0].error == "ValueError"
        assert recording.reply(recording.exchanges[0]) is None
    assert b"secret" not in path.read_bytes()


def test_the_name_appears_when_the_recording_is_complete(tmp_path):
    path = tmp_path / "a.rec"
    with Recorder(path) as recorder:
        recorder.request("http://a:1", call(1.0))
        assert not path.exists()
        assert len(list(tmp_path.iterdir())) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["a.rec"]


def test_a_recording_is_never_written_over(tmp_path):
    path = tmp_path / "a.rec"
    write(path, [1.0])
    with pytest.raises(InvalidSettingError, match="exists; remove it or choose another name"):
        Recorder(path)


def test_a_file_that_appeared_meanwhile_is_kept_and_the_loss_is_told(tmp_path, caplog):
    path = tmp_path / "a.rec"
    recorder = Recorder(path)
    path.write_text("precious")
    recorder.close()
    assert path.read_text() == "precious"
    assert "was given up: File exists" in recorder.failure
    assert recorder.failure in caplog.text


def test_a_folder_that_is_not_there_is_a_matter_of_configuration(tmp_path):
    with pytest.raises(InvalidSettingError, match="cannot write recording"):
        Recorder(tmp_path / "nowhere" / "a.rec")


def test_a_full_disk_ends_the_recording_and_not_the_work(tmp_path, caplog):
    """A limit on the size of files stands for a full disk; it holds for a process of its own."""
    script = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
from tests.inference_client.recording.recordings import call
from inference_client.recording.recorder import Recorder
with Recorder(sys.argv[1]) as recorder:
    for k in range(3000):
        recorder.request("http://a:1", call(float(k)))
print(recorder.requests, recorder.failure)
"""
    path = tmp_path / "a.rec"
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.startswith("3000 recording ")
    assert "given up: File too large" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("from_end", [1, 5, 60])
def test_a_torn_last_record_is_told_and_the_whole_ones_are_read(tmp_path, from_end):
    path, torn = tmp_path / "a.rec", tmp_path / "torn.rec"
    write(path, [1.0], [2.0])
    torn.write_bytes(path.read_bytes()[:-from_end])
    with Recording(torn) as recording:
        assert not recording.is_complete
        assert "is torn" in recording.shortfall
        assert "2 requests are whole" in recording.shortfall
        assert recording.request(recording.exchanges[1]).id == "r-2.0"


def test_a_cut_is_seen_wherever_it_is(tmp_path):
    path, cut = tmp_path / "a.rec", tmp_path / "cut.rec"
    write(path, [1.0])
    whole = path.read_bytes()
    with Recording(path) as recording:
        header_bytes = whole.index(b"server") - 20  # cuts before it leave no header
        assert recording.exchanges[0].request_at > header_bytes
    for n_bytes in range(header_bytes):
        cut.write_bytes(whole[:n_bytes])
        with pytest.raises(RecordingError, match="not a recording"):
            Recording(cut)
    for n_bytes in range(header_bytes + 20, len(whole), 3):
        cut.write_bytes(whole[:n_bytes])
        with Recording(cut) as recording:
            assert recording.shortfall
            assert not recording.is_complete


def test_a_flipped_bit_is_seen_wherever_it_is(tmp_path):
    path, spoilt = tmp_path / "a.rec", tmp_path / "spoilt.rec"
    write(path, [1.0])
    whole = path.read_bytes()
    for bit in range(0, 8 * len(whole), 43):
        data = bytearray(whole)
        data[bit // 8] ^= 1 << bit % 8
        spoilt.write_bytes(data)
        try:
            with Recording(spoilt) as recording:
                assert recording.shortfall, f"bit {bit} was not noticed"
        except RecordingError:
            continue


def test_a_recording_that_was_not_ended_is_told(tmp_path):
    """A process that is killed leaves whole records, and no final name."""
    script = """
import os, signal, sys
from tests.inference_client.recording.recordings import call
from inference_client.recording.recorder import Recorder
recorder = Recorder(sys.argv[1])
for k in range(200000):
    recorder.request("http://a:1", call(float(k)))
    if recorder.written_bytes > 2**20 + 2**18:
        os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "a.rec"
    command = [sys.executable, "-c", script, str(path)]
    assert subprocess.run(command, check=False, cwd=ROOT).returncode == -signal.SIGKILL
    assert not path.exists()
    (left,) = tmp_path.iterdir()
    with Recording(left) as recording:
        assert not recording.is_complete
        assert recording.exchanges
        assert str(len(recording.exchanges)) in recording.shortfall


@pytest.mark.parametrize("content", [b"", b"PAR1", b"root" * 100, os.urandom(3) + bytes(500)])
def test_another_file_is_named_as_such(tmp_path, content):
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(RecordingError, match=f"{path} is not a recording of inference"):
        Recording(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecordingError, match=r"cannot read recording .*a\.rec: No such file"):
        Recording(tmp_path / "a.rec")


def test_another_version_is_refused_with_both_numbers(tmp_path, monkeypatch):
    path = tmp_path / "a.rec"
    monkeypatch.setattr("inference_client.recording.recorder.VERSION", 2)
    write(path, [1.0])
    with pytest.raises(RecordingError, match="is of version 2; version 1 is read here"):
        Recording(path)


def test_threads_share_a_recorder(tmp_path):
    path = tmp_path / "a.rec"
    model = small_model()

    def ask(first):
        for k in range(200):
            asked = call(float(first + k))
            recorder.reply(recorder.request("http://a:1", asked), model.answer(asked.request, "fake"))

    with Recorder(path) as recorder:
        threads = [threading.Thread(target=ask, args=(1000 * n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    with Recording(path) as recording:
        assert recording.is_complete
        assert [e.number for e in recording.exchanges] == list(range(1, 801))
        for exchange in recording.exchanges[::50]:
            assert recording.reply(exchange).id == recording.request(exchange).id
