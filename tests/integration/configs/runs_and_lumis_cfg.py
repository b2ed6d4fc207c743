"""Runs and luminosity blocks begin before their events and end after them, with many events in flight."""

import eventproc.config as cms

MODULES = "tests.integration.level_modules:"
EXPECTED = {"exit_code": 0, "events_read": 24}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource", numberEventsInRun=12, numberEventsInLuminosityBlock=4)
process.maxEvents.input = 24
process.options.numberOfStreams = 5
process.sums = cms.EDProducer(
    MODULES + "SumOfLumi",
    sums=[
        "run 1 lumi 1: 10", "run 1 lumi 2: 26", "run 1 lumi 3: 42", "run 1: 78",
        "run 2 lumi 1: 10", "run 2 lumi 2: 26", "run 2 lumi 3: 42", "run 2: 78",
    ],
)  # fmt: skip
process.p = cms.Path(process.sums)
