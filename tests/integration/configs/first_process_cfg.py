"""The first of three jobs that follow each other: what it writes is of process FIRST."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_written": 4}

process = cms.Process("FIRST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 4
process.count = cms.EDProducer(MODULES + "MakeCount", add=1)
process.other = cms.EDProducer(MODULES + "MakeCount", add=100)
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.p = cms.Path(process.count + process.other + process.even)
process.out = cms.OutputModule("PoolOutputModule", fileName="first.root")
process.e = cms.EndPath(process.out)
