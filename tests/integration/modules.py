"""Small modules that the job files in ``configs`` use by their import path."""

import asyncio
import builtins
import logging
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hist
import numpy as np

from eventproc import errors
from eventproc.io.format.histogram_file import write_histograms
from eventproc.io.merging.histogram_merge import add_histograms
from eventproc.model.input_tag import InputTag
from eventproc.model.product import Product, column
from eventproc.model.trigger_results import PathState, TriggerResults
from eventproc.modules import (
    EDAnalyzer,
    EDFilter,
    EDProducer,
    ExternalWork,
    ParameterDescription,
)
from eventproc.services.random_numbers import RandomNumberGeneratorService

CALLS: list[str] = []
"""What modules did, in order; cleared before each job."""


@dataclass(frozen=True, slots=True)
class Count(Product):
    value: Any = column(np.int64, axis=None, doc="a number")


class MakeCount(EDProducer):
    """The event's number, or another product's, plus something."""

    class Params(ParameterDescription):
        input: str = ""
        add: int = 0

    def __init__(self, params, declare):
        self.input = declare.consumes(Count, params.input) if params.input else None
        self.output = declare.produces(Count)
        self.add = params.add
        self.label = declare.label

    def produce(self, event):
        CALLS.append(f"{self.label} {event.id.event}")
        number = event.id.event if self.input is None else int(event.get(self.input).value[0])
        event.put(self.output, Count(np.array([number + self.add])))


class Divisible(EDFilter):
    """Whether the event's number can be divided by one."""

    class Params(ParameterDescription):
        by: int

    def __init__(self, params, declare):
        self.by = params.by

    def filter(self, event):
        return event.id.event % self.by == 0


class Fail(EDProducer):
    """Raises an error of the framework, or of Python, by the name of its class."""

    class Params(ParameterDescription):
        kind: str
        at: list[int] = []

    def __init__(self, params, declare):
        self.output = declare.produces(Count)
        self.params = params

    def produce(self, event):
        if event.id.event in self.params.at or not self.params.at:
            raise (getattr(errors, self.params.kind, None) or getattr(builtins, self.params.kind))(
                "out of cheese"
            )
        event.put(self.output, Count(np.array([0])))


class FailInRuns(EDProducer):
    """Fails on some events, named by run and number."""

    class Params(ParameterDescription):
        at: list[str]

    def __init__(self, params, declare):
        self.output = declare.produces(Count)
        self.at = params.at

    def produce(self, event):
        if f"{event.id.run}:{event.id.event}" in self.at:
            raise errors.EventCorruption("out of cheese")
        event.put(self.output, Count(np.array([0])))


class ExpectCount(EDAnalyzer):
    """A product is the event's number plus something, on every event."""

    class Params(ParameterDescription):
        input: InputTag
        add: int

    def __init__(self, params, declare):
        self.input = declare.consumes(Count, params.input)
        self.add = params.add

    def analyze(self, event):
        found = int(event.get(self.input).value[0]) - event.id.event
        assert found == self.add, f"{self.input} is the event's number plus {found}, not {self.add}"


class ExpectPresence(EDAnalyzer):
    """A product is in the events whose number can be divided by one, and in no other."""

    class Params(ParameterDescription):
        input: InputTag
        by: int

    def __init__(self, params, declare):
        self.input = declare.consumes(Count, params.input)
        self.by = params.by

    def analyze(self, event):
        assert event.has(self.input) is (event.id.event % self.by == 0)


class ExpectSame(EDAnalyzer):
    """Products have one value."""

    class Params(ParameterDescription):
        inputs: list[str]

    def __init__(self, params, declare):
        self.inputs = [declare.consumes(Count, tag) for tag in params.inputs]

    def analyze(self, event):
        assert len({int(event.get(token).value[0]) for token in self.inputs}) == 1


class ExpectMissing(EDAnalyzer):
    """Nobody makes a product."""

    class Params(ParameterDescription):
        input: InputTag

    def __init__(self, params, declare):
        assert not declare.may_consume(Count, params.input).is_available
        self.input = declare.may_consume(Count, params.input)

    def analyze(self, event):
        assert not event.has(self.input)


class ExpectResults(EDAnalyzer):
    """By path, the state on each event, as initials: Pass, Fail, Exception (X)."""

    class Params(ParameterDescription):
        states: dict[str, str]
        results: InputTag = InputTag("TriggerResults")

    def __init__(self, params, declare):
        self.results = declare.consumes(TriggerResults, params.results)
        self.states = params.states

    def analyze(self, event):
        initials = {PathState.Pass: "P", PathState.Fail: "F", PathState.Exception: "X"}
        paths = self.results.attributes["paths"]
        found = dict(zip(paths, (initials[s] for s in event.get(self.results).state), strict=True))
        assert found == {path: states[event.id.event - 1] for path, states in self.states.items()}


class Note(EDAnalyzer):
    """Notes that it ran."""

    def __init__(self, params, declare):
        self.label = declare.label

    def analyze(self, event):
        CALLS.append(f"{self.label} {event.id.event}")


class ExpectCalls(EDAnalyzer):
    """What modules did by the end of the job."""

    class Params(ParameterDescription):
        calls: list[str]

    def __init__(self, params, declare):
        self.params = params

    def analyze(self, event):
        pass

    def end_job(self):
        assert self.params.calls == CALLS


class Meet(ExternalWork):
    """Two of these on one event end only if they wait at the same time."""

    barriers: dict[int, asyncio.Barrier] = {}

    def __init__(self, params, declare):
        self.output = declare.produces(Count)
        self.barriers.clear()

    async def acquire(self, event):
        barrier = self.barriers.setdefault(event.id.event, asyncio.Barrier(2))
        async with asyncio.timeout(5):
            await barrier.wait()

    def produce(self, event, work):
        event.put(self.output, Count(np.array([event.id.event])))


class Draw(ExternalWork):
    """Random numbers; later events are done before earlier ones."""

    def __init__(self, params, declare):
        self.engine = declare.service(RandomNumberGeneratorService).engine(declare.label)
        self.output = declare.produces(Count)

    async def acquire(self, event):
        for _ in range(10 - event.id.event % 4):
            await asyncio.sleep(0)

    def produce(self, event, work):
        event.put(self.output, Count(self.engine.generator(event).integers(2**62, size=1)))


class PutTwice(EDProducer):
    """Breaks the contract that a product is put once."""

    def __init__(self, params, declare):
        self.output = declare.produces(Count)

    def produce(self, event):
        for _ in range(2):
            event.put(self.output, Count(np.array([0])))


class SendSignal(EDAnalyzer):
    """Sends its own job a signal."""

    class Params(ParameterDescription):
        name: str

    def __init__(self, params, declare):
        self.number = signal.Signals[params.name]

    def analyze(self, event):
        if event.id.event == 2:
            os.kill(os.getpid(), self.number)


class SignalJob(EDAnalyzer):
    """Sends the job whose part this process runs a signal; the words say which, and at which event."""

    class Params(ParameterDescription):
        name: str
        at: int

    def __init__(self, params, declare):
        self.number, self.at = signal.Signals[params.name], params.at

    def analyze(self, event):
        if event.id.event == self.at:
            os.kill(os.getppid(), self.number)


class Die(EDAnalyzer):
    """Ends its process without a word."""

    class Params(ParameterDescription):
        at: int

    def __init__(self, params, declare):
        self.at = params.at

    def analyze(self, event):
        if event.id.event == self.at:
            os.kill(os.getpid(), signal.SIGKILL)


class OnlyInAJob(EDAnalyzer):
    """Can be built in the process that was started by hand only."""

    def __init__(self, params, declare):
        if "part_process" in sys.argv[0]:
            raise errors.ConfigurationError("not in a part")

    def analyze(self, event):
        pass


class WaitForEver(ExternalWork):
    """Says so, and waits."""

    class Params(ParameterDescription):
        at: int

    def __init__(self, params, declare):
        self.output = declare.produces(Count)
        self.at = params.at

    async def acquire(self, event):
        if event.id.event == self.at:
            logging.getLogger("eventproc.test").warning("waits for ever")
            await asyncio.get_running_loop().create_future()

    def produce(self, event, work):
        event.put(self.output, Count(np.array([0])))


class CountEvents(EDAnalyzer):
    """Fills a histogram with event numbers, weighted by them, and writes it at the end."""

    files = {"fileName": add_histograms}

    class Params(ParameterDescription):
        fileName: str

    def __init__(self, params, declare):
        self.path = Path(params.fileName)
        self.histogram = hist.Hist(hist.axis.Regular(4, 0, 40, label="number"), storage=hist.storage.Weight())

    def analyze(self, event):
        self.histogram.fill(event.id.event, weight=event.id.event)

    def end_job(self):
        write_histograms(self.path, {"numbers": self.histogram})


class WritesSomething(EDAnalyzer):
    """Names a file, and does not say how those of several processes become one."""

    class Params(ParameterDescription):
        fileName: str

    def __init__(self, params, declare):
        pass

    def analyze(self, event):
        pass


class Lost(ExternalWork):
    """Waits for an answer that never comes."""

    def __init__(self, params, declare):
        self.output = declare.produces(Count)

    async def acquire(self, event):
        await asyncio.get_running_loop().create_future()

    def produce(self, event, work):
        raise AssertionError("nothing came back")
