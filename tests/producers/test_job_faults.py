"""Jobs among faults: events in are events out and events recorded as failed, and no score is a wrong one."""

import asyncio
from pathlib import Path
from random import Random

import pytest

from eventproc.errors import ExternalFailure
from inference_client.testing.fake_server import FakeServer
from inference_client.testing.faults import Fault
from producers.datatypes import TagStatus
from tests.producers.faulty_jobs import (
    DURATIONS_S,
    N_EVENTS,
    TIMEOUT_MS,
    Ending,
    Scores,
    faulty_fallbacks,
    faulty_servers,
    model,
    run_job,
)

EVERY_EVENT = set(range(1, N_EVENTS + 1))
LONGEST_S = TIMEOUT_MS / 1000 + 0.5


async def without_faults(output: Path) -> Scores:
    async with FakeServer(model()) as server:
        ending = await run_job([server.address], output)
    assert not ending.report.errors
    assert set(ending.scores) == EVERY_EVENT
    return ending.scores


def check(ending: Ending, policy: str, true: Scores) -> None:
    """Nothing is lost, doubled or invented.

    Raises:
        AssertionError: something is.
    """
    report, scores, skipped = ending.report, ending.scores, ending.skipped
    assert len(set(skipped)) == len(skipped)
    assert not set(scores) & set(skipped)
    if report.errors:
        assert policy == "fail"
        assert report.errors[0].exit_code == ExternalFailure.exit_code
        assert not scores, "a job that failed leaves no complete file"
    else:
        assert set(scores) | set(skipped) == EVERY_EVENT
        assert policy == "skip" or not skipped
    for event, jets in scores.items():
        for jet, wanted in zip(jets, true[event], strict=True):
            assert jet == wanted or (policy == "flag" and jet[1] == TagStatus.callFailed)
    assert max(DURATIONS_S, default=0.0) <= LONGEST_S


async def one_run(seed: int, output: Path, true: Scores) -> tuple[int, int]:
    """Returns how many events a job among faults wrote with every score, and how many it did not."""
    dice = Random(seed)
    policy, fallback = dice.choice(["fail", "flag", "skip"]), dice.random() < 0.4
    patch = pytest.MonkeyPatch()
    async with faulty_servers(dice, fall_silent=fallback) as servers, faulty_fallbacks(dice, patch):
        streams, tries, hedging = dice.choice([1, 4, 16]), dice.randint(1, 6), dice.random() < 0.3
        settings = {"allowedTries": tries, "hedging": hedging, "fallback": fallback}
        ending = await run_job(servers, output, streams=streams, onFailure=policy, **settings)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in left if "RequestHandler" not in repr(task)]
    check(ending, policy, true)
    whole = sum(ending.scores[event] == true[event] for event in ending.scores)
    return whole, N_EVENTS - whole


@pytest.fixture(autouse=True)
def _early_hedges(monkeypatch):
    """A job of thirty events is over before twenty exchanges have told what is late."""
    monkeypatch.setattr("inference_client.servers.hedging.FEWEST", 3)


def runs(seed: int, n_runs: int, folder: Path) -> None:
    true = asyncio.run(without_faults(folder / "true.root"))
    whole = lost = 0
    for run_seed in range(seed, seed + n_runs):
        try:
            one_whole, one_lost = asyncio.run(one_run(run_seed, folder / f"{run_seed}.root", true))
        except BaseException:
            print(f"failed with one_run({run_seed})")
            raise
        whole, lost = whole + one_whole, lost + one_lost
    print(f"{whole} events with every score, {lost} without")
    assert whole > N_EVENTS  # the schedules are not so bad that nothing is tested


@pytest.mark.timeout(300)  # waits for timeouts, at little cost
def test_events_in_are_events_out_and_events_recorded_as_failed(sample_seed, tmp_path):
    runs(sample_seed, 24, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_thousand_jobs_among_faults(sample_seed, tmp_path):
    runs(sample_seed, 1000, tmp_path)


async def test_skip_leaves_out_exactly_the_events_that_nobody_answered(tmp_path):
    true = await without_faults(tmp_path / "true.root")
    async with FakeServer(model()) as server:
        server.faults.extend([None, Fault.RESET, None, Fault.RESET])
        ending = await run_job(
            [server.address], tmp_path / "out.root", streams=1, onFailure="skip", allowedTries=1
        )
    assert not ending.report.errors
    # Every third event asks nothing, since it has no jets.
    assert ending.skipped == [3, 6]
    assert ending.scores == {event: jets for event, jets in true.items() if event not in (3, 6)}
    assert {event.category for event in ending.report.skipped_events} == {"ExternalFailure"}
    assert ending.report.outputs[0].events == N_EVENTS - 2


async def test_the_same_scores_whatever_the_number_of_streams_and_servers(tmp_path):
    true = await without_faults(tmp_path / "one.root")
    async with FakeServer(model(), 0.002) as one, FakeServer(model()) as other:
        ending = await run_job([one.address, other.address], tmp_path / "two.root", streams=16)
    assert ending.scores == true
