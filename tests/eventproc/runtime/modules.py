"""Small modules that runtime tests put into jobs by their import path."""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventproc.errors import EventCorruption, ExternalFailure, FileReadError, FileWriteError
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import EventID
from eventproc.model.file_records import OutputFileRecord
from eventproc.model.input_tag import InputTag
from eventproc.model.product import Product, column
from eventproc.model.trigger_results import PathStatus, TriggerResults
from eventproc.modules import (
    EDAnalyzer,
    EDFilter,
    EDProducer,
    ExternalWork,
    OutputModule,
    ParameterDescription,
    Service,
    Source,
    SourceEvent,
)
from eventproc.services.resource_use import MemoryUse

LOG: list[Any] = []
"""What modules did, in order; cleared by the fixture ``log``."""


BARRIERS: dict[int, asyncio.Barrier] = {}
"""By event number; cleared by the fixture ``log``."""


@dataclass(frozen=True, slots=True)
class Number(Product):
    value: Any = column(np.int64, axis=None, doc="a number")


@dataclass(frozen=True, slots=True)
class Numbers(Product):
    value: Any = column(np.int64, doc="numbers")


def number(value: int) -> Number:
    return Number(np.array([value], np.int64))


class CountingSource(Source):
    """Events 1..n whose product Number 'counter' is their number."""

    class Params(ParameterDescription):
        n: int = 3
        failAt: int = 0

    def __init__(self, params, process):
        self.params = params
        self.n_read = 0
        self.slots = {}
        self.closed = 0

    def branches(self):
        return [
            BranchDescription("Number", "counter", "", process, Number.schema(), '{"unit": "one"}')
            for process in ("LATE", "EARLY")
        ]

    def bind(self, bindings):
        self.slots = {b.slot: (b.branch.process, b.product_type) for b in bindings}

    async def next_event(self):
        if self.n_read == self.params.n:
            return None
        self.n_read += 1
        n = self.n_read
        if n == self.params.failAt:
            raise FileReadError("basket is broken")

        def read(slot):
            if slot not in self.slots:
                return None
            process, kind = self.slots[slot]
            return kind(np.array([n if process == "LATE" else -n], np.int64))

        return SourceEvent(EventID(1, 1, n), read)

    def expected_events(self):
        return self.params.n

    def close(self):
        self.closed += 1
        LOG.append("source closed")


class AddOne(EDProducer):
    class Params(ParameterDescription):
        input: InputTag = InputTag("counter")
        step: int = 1

    def __init__(self, params, declare):
        self.input = declare.consumes(Number, params.input)
        self.output = declare.produces(Number)
        self.step = params.step
        self.label = declare.label

    def produce(self, event):
        LOG.append(self.label)
        event.put(self.output, number(int(event.get(self.input).value[0]) + self.step))


class AddQuietly(AddOne):
    """Leaves the log alone, which would grow with the events."""

    def produce(self, event):
        event.put(self.output, number(int(event.get(self.input).value[0]) + self.step))


class Expect(EDAnalyzer):
    """The expectation stands in the configuration: input = counter + difference."""

    class Params(ParameterDescription):
        input: InputTag
        difference: int = 0
        factor: int = 1

    def __init__(self, params, declare):
        self.counter = declare.consumes(Number, "counter")
        self.input = declare.consumes(Number, params.input)
        self.params = params
        self.label = declare.label

    def analyze(self, event):
        wanted = int(event.get(self.counter).value[0]) * self.params.factor + self.params.difference
        assert int(event.get(self.input).value[0]) == wanted
        LOG.append(self.label)


class OddFilter(EDFilter):
    def __init__(self, params, declare):
        self.counter = declare.consumes(Number, "counter")

    def filter(self, event):
        return int(event.get(self.counter).value[0]) % 2 == 1


class Fail(EDProducer):
    class Params(ParameterDescription):
        at: int = 2
        kind: str = "ValueError"

    def __init__(self, params, declare):
        self.counter = declare.consumes(Number, "counter")
        self.output = declare.produces(Number)
        self.params = params

    def produce(self, event):
        event.put(self.output, number(0))
        if int(event.get(self.counter).value[0]) == self.params.at:
            kinds = {
                "ValueError": ValueError,
                "MemoryError": MemoryError,
                "EventCorruption": EventCorruption,
                "ExternalFailure": ExternalFailure,
            }
            raise kinds[self.params.kind]("out of cheese")


class NoteResults(EDAnalyzer):
    class Params(ParameterDescription):
        results: InputTag = InputTag("TriggerResults")

    def __init__(self, params, declare):
        self.results = declare.consumes(TriggerResults, params.results)

    def analyze(self, event):
        results = event.get(self.results)
        LOG.append(
            ("results", self.results.attributes["paths"], results.state.tolist(), results.index.tolist())
        )


class NoteStatus(EDAnalyzer):
    class Params(ParameterDescription):
        path: str

    def __init__(self, params, declare):
        self.status = declare.consumes(PathStatus, params.path)

    def analyze(self, event):
        LOG.append(("status", int(event.get(self.status).state[0])))


class Transit(ExternalWork):
    """Notes every transition; later events of a luminosity block are done before earlier ones."""

    class Params(ParameterDescription):
        failAt: str = ""

    def __init__(self, params, declare):
        self.output = declare.produces(Number)
        self.fail_at = params.failAt

    def note(self, *words):
        LOG.append(words)
        if words[0] == self.fail_at:
            raise ValueError("out of cheese")

    async def acquire(self, event):
        for _ in range(10 - event.id.event % 5):
            await asyncio.sleep(0)

    def produce(self, event, work):
        self.note("event", event.id.event)
        event.put(self.output, number(0))

    def begin_job(self):
        self.note("begin_job")

    def begin_stream(self, stream):
        self.note("begin_stream", stream)

    def begin_run(self, run):
        self.note("begin_run", run.run)

    def begin_luminosity_block(self, lumi):
        self.note("begin_lumi", *lumi.id)

    def end_luminosity_block(self, lumi):
        self.note("end_lumi", *lumi.id)

    def end_run(self, run):
        self.note("end_run", run.run)

    def end_stream(self, stream):
        self.note("end_stream", stream)

    def end_job(self):
        self.note("end_job")


class Raise(EDProducer):
    """Fails on every event."""

    def __init__(self, params, declare):
        pass

    def produce(self, event):
        raise ValueError("out of cheese")


class Forgetful(EDProducer):
    """Declares a product and does not put it."""

    def __init__(self, params, declare):
        self.output = declare.produces(Number)

    def produce(self, event):
        pass


class Gate:
    """Lets waiting modules go in an order that the test chooses."""

    def __init__(self):
        self.waiting = {}
        self.most_waiting = 0

    async def wait(self, key):
        future = self.waiting[key] = asyncio.get_running_loop().create_future()
        self.most_waiting = max(self.most_waiting, len(self.waiting))
        await future

    def open(self, key):
        self.waiting.pop(key).set_result(None)


class LastFirst(ExternalWork):
    """Waits until `together` events wait, then lets the last one go first."""

    gate = Gate()

    class Params(ParameterDescription):
        together: int = 4

    def __init__(self, params, declare):
        self.counter = declare.consumes(Number, "counter")
        self.output = declare.produces(Number)
        self.together = params.together
        type(self).gate = Gate()

    async def acquire(self, event):
        value = int(event.get(self.counter).value[0])
        waiting = asyncio.ensure_future(self.gate.wait(value))
        await asyncio.sleep(0)
        if len(self.gate.waiting) == self.together:
            for key in sorted(self.gate.waiting, reverse=True):
                self.gate.open(key)
        await waiting
        LOG.append(("acquired", value))
        return value * 10

    def produce(self, event, work):
        event.put(self.output, number(work))


class Begin(ExternalWork):
    """Notes that its work began."""

    class Params(ParameterDescription):
        input: InputTag

    def __init__(self, params, declare):
        self.input = declare.consumes(Number, params.input)
        self.label = declare.label

    async def acquire(self, event):
        LOG.append(self.label)

    def produce(self, event, work):
        pass


class Lost(ExternalWork):
    """Waits for an answer that never comes, on one event; on another it gives up by itself."""

    class Params(ParameterDescription):
        at: int = 2
        givesUpAt: int = 0

    def __init__(self, params, declare):
        self.output = declare.produces(Number)
        self.params = params

    async def acquire(self, event):
        if event.id.event == self.params.givesUpAt:
            raise TimeoutError("gave up")
        if event.id.event == self.params.at:
            await asyncio.get_running_loop().create_future()

    def produce(self, event, work):
        event.put(self.output, number(0))


class WaitForEachOther(ExternalWork):
    """Two of these on one event end only if they wait at the same time."""

    def __init__(self, params, declare):
        self.output = declare.produces(Number)

    async def acquire(self, event):
        barrier = BARRIERS.setdefault(event.id.event, asyncio.Barrier(2))
        async with asyncio.timeout(5):
            await barrier.wait()

    def produce(self, event, work):
        event.put(self.output, number(0))


class Memory(OutputModule):
    """Writes into the log."""

    class Params(ParameterDescription):
        failAt: int = 0
        refuse: str = ""
        selects: list[str] = []

    def __init__(self, params, declare):
        self.label = declare.label
        self.params = params
        self.branches = []
        self.n = 0

    def select(self, branch):
        return branch.label != self.params.refuse

    def select_events(self):
        return self.params.selects

    def open(self, process, branches, history):
        self.branches = branches
        LOG.append(("open", tuple(b.name for b, _ in branches)))

    def write(self, event):
        self.n += 1
        if self.n == self.params.failAt:
            raise FileWriteError("disk is full")
        found = {
            f"{b.label}@{b.process}": int(event.get(t).value[0])
            for b, t in self.branches
            if b.type_name == "Number" and event.has(t)
        }
        LOG.append(("write", event.id.event, found))

    def close(self):
        LOG.append("close")
        return OutputFileRecord("memory", self.label, "Memory", self.n, complete=True)

    def abandon(self, *, keep_partial):
        LOG.append(("abandon", keep_partial))
        return OutputFileRecord("memory", self.label, "Memory", self.n, complete=False)


class Sink(Memory):
    """Takes products and forgets them."""

    def write(self, event):
        self.n += 1
        for _, token in self.branches:
            event.get(token)


class MemoryAt(Service):
    """Reads the memory of the process when one event is done."""

    rss_mb = 0.0

    class Params(ParameterDescription):
        index: int

    def __init__(self, params):
        self.index = params.index

    def post_event(self, event):
        if event.index == self.index:
            type(self).rss_mb = MemoryUse.now().rss_mb


class Recorder(Service):
    """Notes every hook."""

    class Params(ParameterDescription):
        failStart: bool = False

    def __init__(self, params):
        self.params = params

    async def start(self):
        LOG.append("start")
        if self.params.failStart:
            raise ExternalFailure("no server answers")

    async def stop(self):
        LOG.append("stop")

    def begin_job(self, expected_events):
        LOG.append(("begin_job", expected_events))

    def end_job(self):
        LOG.append("end_job")

    def pre_event(self, event):
        LOG.append(("pre_event", event.id.event))

    def post_event(self, event):
        LOG.append(("post_event", event.id.event))

    def pre_module(self, event, label):
        LOG.append(("pre_module", label))

    def post_module(self, event, label):
        LOG.append(("post_module", label))

    def report(self):
        return {"hooks": len(LOG)}

    def summary(self):
        return {"hooks": str(len(LOG))}


class Lonely(Service):
    """Overrides nothing."""

    def __init__(self, params):
        pass


class UsesRecorder(EDProducer):
    def __init__(self, params, declare):
        self.recorder = declare.service(Recorder)

    def produce(self, event):
        LOG.append("used" if isinstance(self.recorder, Recorder) else "wrong service")


class BreaksEDProducer(EDProducer):
    def __init__(self, params, declare):
        1 / 0  # noqa: B018 - it is to raise

    def produce(self, event):
        pass


class BreaksService(Service):
    def __init__(self, params):
        1 / 0  # noqa: B018 - it is to raise


class BreaksSource(CountingSource):
    def branches(self):
        1 / 0  # noqa: B018 - it is to raise
