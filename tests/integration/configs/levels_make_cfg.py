"""Products of runs and luminosity blocks are made, and seen by a module defined before their maker."""

import eventproc.config as cms

MODULES = "tests.integration.level_modules:"
EXPECTED = {"exit_code": 0, "events_written": 10}

process = cms.Process("MAKE")
process.source = cms.Source("EmptySource", numberEventsInRun=6, numberEventsInLuminosityBlock=4)
process.maxEvents.input = 10
process.options.numberOfStreams = 3
process.expect = cms.EDAnalyzer(
    MODULES + "ExpectLevels",
    input="levels",
    counts=["1:1: 4", "1:2: 2", "2:1: 4"],
    numbers=["1: 1 2 3 4 5 6", "2: 1 2 3 4"],
)
process.levels = cms.EDProducer(MODULES + "MakeLevels")
process.p = cms.Path(process.levels)
process.out = cms.OutputModule("PoolOutputModule", fileName="levels.root")
process.e = cms.EndPath(process.expect + process.out)
