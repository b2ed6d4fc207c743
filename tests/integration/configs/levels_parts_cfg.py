"""A part of the events of levels_make, to be put together with the others."""

import eventproc.config as cms

MODULES = "tests.integration.level_modules:"
EXPECTED = {"exit_code": 0, "events_failed": 0}

options = cms.VarParsing("analysis")
options.register("skip", 0)
options.register("field", 0.0)
options.maxEvents = 10
options.register("output", "levels.root")
options.parseArguments()

process = cms.Process("MAKE")
process.source = cms.Source(
    "EmptySource",
    numberEventsInRun=6,
    numberEventsInLuminosityBlock=4,
    skipEvents=cms.untracked.uint32(options.skip),
)
process.maxEvents.input = options.maxEvents
process.levels = cms.EDProducer(MODULES + "MakeLevels", field=cms.untracked.double(options.field))
process.p = cms.Path(process.levels)
process.out = cms.OutputModule("PoolOutputModule", fileName=options.output)
process.e = cms.EndPath(process.out)
