"""Modules around runs and luminosity blocks, which the job files in ``configs`` use by their import path."""

import asyncio
from dataclasses import dataclass
from typing import Any

import numpy as np

from eventproc.model.product import Product, column
from eventproc.modules import (
    BranchType,
    EDAnalyzer,
    EDProducer,
    ExternalWork,
    ParameterDescription,
    Transition,
)
from tests.integration.modules import Count


@dataclass(frozen=True, slots=True)
class Conditions(Product):
    """The same in every event of a run."""

    field: Any = column(np.float32, axis=None, unit="T", doc="magnetic field")
    menu: Any = column(str, doc="names of triggers")


@dataclass(frozen=True, slots=True)
class EventCount(Product):
    """How many events there were."""

    merging = "sum"

    n: Any = column(np.int64, axis=None, doc="events")


@dataclass(frozen=True, slots=True)
class EventNumbers(Product):
    """Which events there were."""

    merging = "concatenate"

    number: Any = column(np.int64, doc="event numbers")


class MakeLevels(EDProducer):
    """Products of runs and luminosity blocks."""

    class Params(ParameterDescription):
        field: float = 0.0

    def __init__(self, params, declare):
        self.conditions = declare.produces(Conditions, transition=Transition.BeginRun)
        self.in_lumi = declare.produces(EventCount, transition=Transition.EndLuminosityBlock)
        self.in_run = declare.produces(EventNumbers, transition=Transition.EndRun)
        self.field = params.field
        self.count, self.numbers = 0, []

    def begin_run(self, run):
        self.numbers = []
        field = np.array([self.field or 3.8 + run.run], np.float32)
        run.put(self.conditions, Conditions(field, ("a", f"b{run}")))

    def begin_luminosity_block(self, lumi):
        self.count = 0

    def produce(self, event):
        self.count += 1
        self.numbers.append(event.id.event)

    def end_luminosity_block(self, lumi):
        lumi.put(self.in_lumi, EventCount(np.array([self.count])))

    def end_run(self, run):
        run.put(self.in_run, EventNumbers(np.array(self.numbers, np.int64)))


class LastOfLumi(EDProducer):
    """The number of a luminosity block's last event, in a product that must be equal wherever it is made."""

    def __init__(self, params, declare):
        self.output = declare.produces(Count, transition=Transition.EndLuminosityBlock)
        self.last = 0

    def produce(self, event):
        self.last = max(self.last, event.id.event)

    def begin_luminosity_block(self, lumi):
        self.last = 0

    def end_luminosity_block(self, lumi):
        lumi.put(self.output, Count(np.array([self.last])))


class ExpectLevels(EDAnalyzer):
    """What the events, luminosity blocks and runs hold; of this job or of its input."""

    class Params(ParameterDescription):
        input: str
        counts: list[str] = []
        numbers: list[str] = []

    def __init__(self, params, declare):
        self.conditions = declare.consumes(Conditions, params.input, BranchType.InRun)
        self.in_lumi = declare.consumes(EventCount, params.input, BranchType.InLumi)
        self.in_run = declare.consumes(EventNumbers, params.input, BranchType.InRun)
        self.params = params
        self.counts, self.numbers = [], []

    def analyze(self, event):
        conditions = event.lumi.of_run.get(self.conditions)
        assert conditions.field[0] == np.float32(3.8 + event.id.run)
        assert conditions.menu == ("a", f"b{event.id.run}")
        assert not event.has(self.conditions)

    def end_luminosity_block(self, lumi):
        assert lumi.of_run.has(self.conditions)
        self.counts.append(f"{lumi.run}:{lumi.luminosityBlock}: {lumi.get(self.in_lumi).n[0]}")

    def end_run(self, run):
        numbers = " ".join(map(str, run.get(self.in_run).number))
        self.numbers.append(f"{run}: {numbers}")

    def end_job(self):
        assert self.counts == self.params.counts
        assert self.numbers == self.params.numbers


class SumOfLumi(ExternalWork):
    """Sums event numbers over luminosity blocks and runs; later events are done before earlier ones."""

    class Params(ParameterDescription):
        sums: list[str]

    def __init__(self, params, declare):
        self.expected = params.sums
        self.found = []
        self.lumi = self.run = 0

    async def acquire(self, event):
        for _ in range(10 - event.id.event % 4):
            await asyncio.sleep(0)

    def produce(self, event, work):
        self.lumi += event.id.event
        self.run += event.id.event

    def begin_run(self, run):
        self.run = 0

    def begin_luminosity_block(self, lumi):
        self.lumi = 0

    def end_luminosity_block(self, lumi):
        self.found.append(f"run {lumi.run} lumi {lumi.luminosityBlock}: {self.lumi}")

    def end_run(self, run):
        self.found.append(f"run {run}: {self.run}")

    def end_job(self):
        assert self.found == self.expected
