"""Most luminosity blocks, of two events each, lose both of them."""

import eventproc.config as cms

EXPECTED = {"exit_code": 0, "events_read": 12, "outputs": {"out": {"events": 2}}}

process = cms.Process("SKIM")
process.source = cms.Source("EmptySource", numberEventsInRun=6, numberEventsInLuminosityBlock=2)
process.maxEvents.input = 12
process.levels = cms.EDProducer("tests.integration.level_modules:MakeLevels")
process.fifth = cms.EDFilter("tests.integration.modules:Divisible", by=5)
process.p = cms.Path(process.levels + process.fifth)
process.out = cms.OutputModule("PoolOutputModule", fileName="skim.root", SelectEvents={"SelectEvents": ["p"]})
process.e = cms.EndPath(process.out)
