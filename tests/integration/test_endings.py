"""How jobs end when somebody ends them: no output under its final name, no server left behind."""

import json
import signal
import subprocess

import psutil
import pytest
import uproot

from inference_client.local_server import LocalServer
from tests.integration.conftest import COMMAND, FLAGSHIP, ROOT, TIME_LIMIT_S, environment

SLOW = (
    "--set", "toptag_small.backend=emulated",
    "--set", "toptag_small.backend_parameters.inner=openvino",
    "--set", "toptag_small.backend_parameters.service_time_s=0.2",
)  # fmt: skip


@pytest.fixture(scope="module")
def slow_server():
    """A server that takes 0.2 s for each batch, so that a job is always in the middle."""
    with LocalServer(str(ROOT / "data" / "models"), SLOW) as server:
        yield server.address


def start(folder, *words):
    """Starts the flagship and waits until it has begun to process events."""
    process = subprocess.Popen(
        [*COMMAND, "run", str(FLAGSHIP), "outputFile=out.root", *words],
        cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = []
    for line in process.stderr:
        said.append(line)
        if "Begin processing" in line:
            return process
    process.wait(TIME_LIMIT_S)
    pytest.fail("the job ended before its first event:\n" + "".join(said))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_ends_a_job_at_an_event_boundary(tmp_path, slow_server, number):
    process = start(tmp_path, f"servers={slow_server}", "numberOfStreams=4")
    process.send_signal(number)
    _, err = process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 128 + number, err
    assert "Traceback" not in err
    assert number.name in err
    report = json.loads((tmp_path / "FrameworkJobReport.json").read_text())
    assert (report["exit_code"], report["signal_name"]) == (9000, number.name)
    assert not (tmp_path / "out.root").exists()
    with uproot.open(tmp_path / "out.partial.root") as file:
        written = file["Events"].num_entries
    assert 0 < written == report["outputs"][0]["events"]
    assert written + report["events_unprocessed"] == 500


def test_a_second_signal_ends_a_job_at_once(tmp_path):
    with LocalServer(str(ROOT / "data" / "models"), (*SLOW[:-1], SLOW[-1].replace("0.2", "4"))) as server:
        process = start(tmp_path, f"servers={server.address}", "numberOfStreams=4")
        process.send_signal(signal.SIGINT)
        # The first one is heard before the second is sent: the job says so in its log.
        for line in process.stderr:
            if "SIGINT" in line:
                break
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIME_LIMIT_S)
    assert process.returncode == 128 + signal.SIGINT
    report = json.loads((tmp_path / "FrameworkJobReport.json").read_text())
    # The four events in flight would have been written, had the job waited for the server.
    assert report["outputs"][0]["events"] == 0
    assert report["events_unprocessed"] == 500


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["stopped", "killed"])
def test_the_embedded_server_ends_with_its_job(tmp_path, number):
    process = start(tmp_path, "numberOfStreams=1")
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("accelerator_server" in " ".join(child.cmdline()) for child in children)
    process.send_signal(number)
    process.communicate(timeout=TIME_LIMIT_S)
    _, alive = psutil.wait_procs(children, timeout=20)
    assert not alive
    assert not (tmp_path / "out.root").exists()


def test_a_killed_job_leaves_a_report_that_says_so(tmp_path, slow_server):
    process = start(tmp_path, f"servers={slow_server}")
    process.kill()
    process.communicate(timeout=TIME_LIMIT_S)
    report = json.loads((tmp_path / "FrameworkJobReport.json").read_text())
    assert report["exit_code"] == 8901
    assert not (tmp_path / "out.root").exists()


def test_the_next_job_cleans_up_after_a_killed_one(tmp_path, slow_server):
    process = start(tmp_path, f"servers={slow_server}")
    process.kill()
    process.communicate(timeout=TIME_LIMIT_S)
    again = subprocess.run(
        [*COMMAND, "run", str(FLAGSHIP), "outputFile=out.root", "maxEvents=5", f"servers={slow_server}"],
        cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == ["FrameworkJobReport.json", "FrameworkJobReport.xml", "out.root"]
