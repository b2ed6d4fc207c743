"""Servers that cannot be reached and say nothing, and a line that is narrow: in a network namespace."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.inference_client.bad_network import BITS_PER_S, TIMEOUT_S

ROOT = Path(__file__).resolve().parents[2]


def outcome(scenario: str, seconds: float):
    own_network = ["unshare", "--user", "--map-root-user", "--net"]
    command = [sys.executable, "-m", "tests.inference_client.bad_network", scenario, str(seconds)]
    done = subprocess.run(
        [*own_network, *command], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True, timeout=200
    )
    return json.loads(done.stdout)


def partitions(seconds: float) -> None:
    phases = outcome("partition", seconds)
    print(phases)
    well, one_lost, healed, both_lost, coming_back, well_again = phases
    assert not any(phase["wrong"] for phase in phases)
    assert max(phase["longest_s"] for phase in phases) <= TIMEOUT_S + 0.5
    # What a server that falls silent has taken in is asked of the other one in time.
    assert not well["failed"] + one_lost["failed"] + well_again["failed"]
    assert one_lost["answered"] > 0
    assert one_lost["by_server"][0] == 0 < one_lost["by_server"][1]
    assert both_lost["by_server"] == [0, 0]
    # Asked when nobody could answer, or before the circuit breakers tried the servers again.
    for failure in healed["failed"] + both_lost["failed"] + coming_back["failed"]:
        assert failure.startswith("DeadlineExceeded")
    assert both_lost["failed"]
    for phase in (well, healed, coming_back, well_again):
        assert phase["answered"] > 0
        assert min(phase["by_server"]) > 0


@pytest.mark.requires("netns")
@pytest.mark.timeout(240)
def test_a_server_that_falls_silent_costs_no_request_and_is_asked_again_when_it_is_back():
    partitions(3.0)


@pytest.mark.soak
@pytest.mark.requires("netns")
@pytest.mark.timeout(300)
def test_ten_seconds_without_a_server():
    partitions(10.0)


@pytest.mark.requires("netns")
@pytest.mark.timeout(240)
def test_a_narrow_line_is_waited_for_and_no_fault_of_the_server():
    found = outcome("narrow", 1.0)
    print(found)
    assert found["right"] == found["asked"] > 0
    assert found["took_s"] >= 0.8 * 8 * found["bytes"] / BITS_PER_S, "the line was not narrow"
    assert (found["retries"], found["failures"], found["state"]) == (0, 0, "closed")
