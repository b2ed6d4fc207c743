"""A product of a luminosity block that cannot be put together of parts: no two processes share one."""

import eventproc.config as cms

MODULES = "tests.integration.level_modules:"
EXPECTED = {"exit_code": 0, "events_written": 10}

process = cms.Process("MAKE")
process.source = cms.Source("EmptySource", numberEventsInRun=6, numberEventsInLuminosityBlock=4)
process.maxEvents.input = 10
process.last = cms.EDProducer(MODULES + "LastOfLumi")
process.p = cms.Path(process.last)
process.out = cms.OutputModule("PoolOutputModule", fileName="whole.root")
process.e = cms.EndPath(process.out)
