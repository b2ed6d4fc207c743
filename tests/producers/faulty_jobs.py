"""A whole job, from hits to a ROOT file, whose way to its servers goes wrong in a way that a seed decides."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import awkward as ak
import numpy as np
import pytest
import uproot

from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)
from eventproc.modules import Service
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from inference_client.errors import LocalServerError
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from inference_client.testing.fault_proxy import ConnectionFault, FaultProxy, StreamFault
from inference_client.testing.faults import Fault
from producers.algorithms.image_specification import ImageSpecification
from producers.own_server import MOST_STARTS
from tests.flat_files import jet_hits
from tests.own_clock import own_clock_s
from tests.producers import jobs
from tests.producers.jobs import CHAIN, HERE, hits

LABELS = ("ecalCrystals", "ecalJets", "jetImages", "topTags")
MODELS = str(Path(__file__).resolve().parents[2] / "data" / "models")
N_EVENTS = 30
TIMEOUT_MS = 1000
REFUSED_FOR_GOOD = (Fault.BACKEND_FAILED, Fault.BAD_TOKEN)
PASSING = [fault for fault in Fault if fault not in REFUSED_FOR_GOOD]

Scores = dict[int, list[tuple[bytes, int]]]
"""By event: the bits of the score and the status of each jet."""

DURATIONS_S: list[float] = []
"""Of each event that StopWatch saw end."""


class StopWatch(Service):
    """Takes the time of every event."""

    def __init__(self, params):
        self._begun_s = {}

    def pre_event(self, event):
        self._begun_s[event.id] = own_clock_s()

    def post_event(self, event):
        DURATIONS_S.append(own_clock_s() - self._begun_s.pop(event.id))


@dataclass
class Ending:
    """What a job left."""

    report: JobReport
    scores: Scores

    @property
    def skipped(self) -> list[int]:
        return sorted(event.id.event for event in self.report.skipped_events)


def events() -> list[dict]:
    """Events with no jet, one and two, no two alike."""
    made = []
    for k in range(N_EVENTS):
        squares = [
            jet_hits(10 + k % 20, 50 + k, 25.0 + k, 4),
            jet_hits(-60 + k % 20, 200 + k, 30.0 + k, 3 + k % 4),
        ]
        chosen = squares[: k % 3]
        raw_id, energy = (np.concatenate([s[i] for s in chosen]) if chosen else [] for i in range(2))
        made.append({"ecalRecHits": hits(raw_id, energy)})
    return made


def fingerprints(images: np.ndarray) -> np.ndarray:
    """Scores in [0, 1) that hang on every pixel, computed row by row: the same bits in any batch."""
    weights = np.arange(1, images[0].size + 1, dtype=np.float32)
    sums = [float(np.dot(image.reshape(-1), weights)) % 1.0 for image in images]
    return np.array([[1 - s, s] for s in sums], np.float32)


def model() -> FakeModel:
    made = FakeModel(fingerprints, name="toptag", image_spec=ImageSpecification().to_dict(), max_rows=8)
    made.metadata.inputs[0].name = "images"
    made.metadata.parameters.labels = ["QCD", "top"]
    return made


def describe(
    servers: list[str],
    output: Path,
    streams: int,
    source: str = f"{HERE}:MemorySource",
    *,
    hedging: bool = False,
    fallback: bool = False,
    **parameters,
) -> ProcessDescription:
    tagger = {"modelName": "toptag", "timeout": TIMEOUT_MS, "timeoutUnit": "milliseconds", **parameters}
    modules = [
        ComponentDescription("EDProducer", CHAIN[n], n, tagger if n == "topTags" else {}) for n in LABELS
    ]
    keep = ["drop *", "keep *_topTags__*"]
    file = {"fileName": str(output), "outputCommands": keep}
    modules.append(ComponentDescription("OutputModule", "PoolOutputModule", "out", file))
    service = {
        "servers": servers,
        "waitForServers": 10.0,
        "hedging": hedging,
        "modelsFolder": str(output.parent),
    }
    service["fallback"] = {"enable": fallback}
    return ProcessDescription(
        name="TEST",
        source=ComponentDescription("Source", source, "source", {"labels": ["ecalRecHits"]}),
        modules=tuple(modules),
        services=(
            ComponentDescription("Service", "InferenceService", "InferenceService", service),
            ComponentDescription("Service", f"{__name__}:StopWatch", "StopWatch", {}),
        ),
        paths=(
            PathDescription("p", "Path", tuple(PathStep(n) for n in LABELS)),
            PathDescription("e", "EndPath", (PathStep("out"),)),
        ),
        options=ProcessOptions(numberOfStreams=streams),
    )


async def run_job(servers: list[str], output: Path, *, streams: int = 8, **parameters) -> Ending:
    """Runs the chain on `events()`; the output must not exist yet."""
    (output.parent / "toptag").mkdir(exist_ok=True)  # of the models folder; nobody opens it
    jobs.EVENTS[:] = events()
    DURATIONS_S.clear()
    report = JobReport()
    await EventProcessor(build(describe(servers, output, streams, **parameters)), report).run()
    return Ending(report, read_scores(output))


def read_scores(path: Path) -> Scores:
    """What the file holds, nothing if there is none; each event once.

    Raises:
        AssertionError: an event is there twice, or out of order.
    """
    if not path.exists():
        return {}
    with uproot.open(path) as file:
        tree = file["Events"]
        columns = tree.arrays(["event", "topTags_score", "topTags_status"])
    numbers = columns["event"].tolist()
    assert numbers == sorted(set(numbers))
    scores, statuses = columns["topTags_score"], columns["topTags_status"]
    return {
        number: [
            (np.float32(s).tobytes(), int(t))
            for s, t in zip(ak.to_list(row), ak.to_list(status), strict=True)
        ]
        for number, row, status in zip(numbers, scores, statuses, strict=True)
    }


@contextlib.asynccontextmanager
async def faulty_servers(dice: Random, *, fall_silent: bool = False) -> AsyncIterator[list[str]]:
    """One to three fake servers that answer wrongly, each behind a proxy that spoils connections.

    Those that fall silent answer a few requests, then none.
    """
    share = dice.uniform(0.05, 0.6)
    async with contextlib.AsyncExitStack() as stack:
        addresses = []
        for _ in range(dice.randint(1, 3)):
            server = FakeServer(model(), dice.choice([0.0, 0.01]))
            server.faults.extend(fault(dice, share) for _ in range(dice.randrange(5) if fall_silent else 40))
            server.always = Fault.HANG if fall_silent else None
            await stack.enter_async_context(server)
            faults = [
                connection_fault(dice) if dice.random() < share else ConnectionFault() for _ in range(200)
            ]
            # The first connection asks for the model; a job that gets no answer to that does not begin.
            plan = dict(enumerate(faults, start=1))
            proxy = FaultProxy(server.address, lambda n, plan=plan: plan.get(n, ConnectionFault()))
            await stack.enter_async_context(proxy)
            addresses.append(proxy.address)
        yield addresses


class StandIn:
    """In the place of the process that a job starts: a fake server of this one."""

    last_words = ""

    def __init__(self, server: FakeServer, start_s: float, *, will_start: bool) -> None:
        self._server, self._start_s, self._will_start = server, start_s, will_start
        self._ended = threading.Event()

    @property
    def address(self) -> str:
        return self._server.address

    @property
    def is_running(self) -> bool:
        return not self._ended.is_set()

    def start(self) -> None:
        if self._ended.wait(self._start_s) or not self._will_start:
            self.close()
            message = "the fallback does not start"
            raise LocalServerError(message)

    def close(self) -> None:
        self._ended.set()

    async def die_after(self, n_requests: int) -> None:
        await self._server.arrived(n_requests)
        await self._server.stop()
        self._ended.set()


@contextlib.asynccontextmanager
async def faulty_fallbacks(dice: Random, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """What a job starts meanwhile as its own server starts late or not at all, dies, or answers wrongly."""
    async with contextlib.AsyncExitStack() as stack:
        made = []
        for _ in range(MOST_STARTS):
            server = FakeServer(model(), dice.choice([0.0, 0.02]))
            server.faults.extend(fault(dice, 0.2) for _ in range(20))
            server.always = Fault.HANG if dice.random() < 0.1 else None
            await stack.enter_async_context(server)
            start_s = dice.choice([0.0, dice.uniform(0.0, 2 * TIMEOUT_MS / 1000)])
            made.append(StandIn(server, start_s, will_start=dice.random() < 0.8))
            if dice.random() < 0.3:
                dying = asyncio.ensure_future(made[-1].die_after(dice.randrange(1, 10)))
                stack.callback(dying.cancel)
        starts = iter(made)
        with monkeypatch.context() as patched:
            patched.setattr("producers.own_server.LocalServer", lambda *_command: next(starts))
            yield


def fault(dice: Random, share: float) -> Fault | None:
    return dice.choice(PASSING) if dice.random() < share else None


def connection_fault(dice: Random) -> ConnectionFault:
    """Something that can happen to a connection; it may carry several exchanges before it happens."""
    way = dice.choice(["request", "reply"])
    at = dice.randrange(4000)
    fault = dice.choice(
        [
            StreamFault(cut_at=at),
            StreamFault(cut_at=at, with_reset=True),
            StreamFault(flip_bit=8 * at + dice.randrange(8)),
            StreamFault(delay_s=dice.uniform(0, 0.05)),
            StreamFault(is_silent=True),
        ]
    )
    return ConnectionFault(**{way: fault}, is_refused=dice.random() < 0.1)
