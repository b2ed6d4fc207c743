"""Whole jobs, with real servers that fall silent or are killed, and the real server that takes over."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import contextmanager

import numpy as np
import psutil
import pytest

from inference_client.local_server import LocalServer
from producers.datatypes import TagStatus
from tests.producers import jobs
from tests.producers.faulty_jobs import LABELS, MODELS, N_EVENTS, events
from tests.producers.serving import is_server

MODEL = "toptag_small"
TIMEOUT_S = 60
FOR_FALLBACK = 0.95
"""Of the timeout: on a busy machine a server may take long to start, and one that is silent is not to be."""
ROUNDING = 2e-6
"""Another batch size changes the order of additions in the engine (data/models/toptag_small)."""


@contextmanager
def site():
    """A server that the job did not start; it may be stopped (SIGSTOP) when it is done with."""
    server = LocalServer(MODELS, ["--model", MODEL])
    server.start()
    try:
        yield server
    finally:
        if server.is_running:
            os.kill(server.pid, signal.SIGCONT)
        server.close()


class Watched(list):
    """Does something when it has grown to a length."""

    def __init__(self, happenings: dict[int, Callable[[], None]]):
        super().__init__()
        self._happenings = happenings

    def append(self, item):
        super().append(item)
        self._happenings.get(len(self), lambda: None)()


async def job(server: LocalServer, happenings=(), streams=8, **tagger):
    """Runs the chain on events() with a fallback; happenings are what is done after so many events."""
    settings = {"modelName": MODEL, "timeout": TIMEOUT_S, **tagger}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs, "COLLECTED", Watched(dict(happenings)))
        return await jobs.run_chain(
            events(),
            *LABELS,
            servers=[server.address],
            streams=streams,
            service={"modelsFolder": MODELS, "fallback": {"enable": True, "timeoutShare": FOR_FALLBACK}},
            topTags=settings,
        )


def own_servers(but: LocalServer) -> list[psutil.Process]:
    """Processes that serve for the job."""
    children = psutil.Process().children()
    return [one for one in children if one.pid != but.pid and is_server(one)]


def figures(report):
    return report.services["InferenceService"][MODEL]


def check(report, collected, true) -> list:
    """Every event is there once and scored as without faults, in time; returns the records of its calls.

    Raises:
        AssertionError: something is lost, doubled or invented.
    """
    assert not report.errors, report.errors
    assert len(collected) == len(true) == N_EVENTS
    scored = zip(sorted(map(scores, collected)), sorted(map(scores, true)), strict=True)
    for found, wanted in scored:
        np.testing.assert_allclose(found, wanted, rtol=0, atol=ROUNDING)
    assert not any(TagStatus.callFailed in event["TopTags"].status for event in collected)
    records = [event["InferenceRecord"] for event in collected]
    calls = [record for record in records if len(record.server)]
    assert all(record.totalUs[0] <= 1e6 * (TIMEOUT_S + 0.5) for record in calls)
    return calls


def scores(event) -> list[float]:
    return event["TopTags"].score.tolist()


@pytest.fixture(scope="module")
def true():
    """What the job makes where nothing goes wrong."""
    with site() as server:
        report, collected = asyncio.run(job(server))
    assert not report.errors, report.errors
    assert figures(report)["fallbackCalls"] == 0
    return collected


@pytest.mark.parametrize("mode", ["Async", "PseudoAsync", "Sync"])
def test_a_server_that_falls_silent_costs_no_event_and_none_waits_longer_than_its_timeout(mode, true):
    with site() as server:
        stopped = {7: lambda: os.kill(server.pid, signal.SIGSTOP)}
        report, collected = asyncio.run(job(server, stopped, mode=mode))
    calls = check(report, collected, true)
    by_fallback = [call for call in calls if call.server != (server.address,)]
    assert figures(report)["fallbackCalls"] == len(by_fallback) > 0
    assert figures(report)["fallbackAgreement"]["largest"] <= ROUNDING
    waited = [call for call in by_fallback if call.attempts[0] > 1]
    assert waited
    assert all(call.queueUs[0] >= 1e6 for call in waited)


def test_a_fallback_that_is_killed_is_started_again_and_costs_no_event(true):
    with site() as server:

        def kill_own_server():
            (victim,) = own_servers(but=server)
            victim.kill()

        happenings = {7: lambda: os.kill(server.pid, signal.SIGKILL), 15: kill_own_server}
        report, collected = asyncio.run(job(server, happenings, streams=2))
    calls = check(report, collected, true)
    assert len({call.server for call in calls}) == 3
    by_fallback = [call for call in calls if call.server != (server.address,)]
    assert figures(report)["fallbackCalls"] == len(by_fallback)
    assert own_servers(but=server) == []
