"""A module on a Task runs only if what it makes is consumed."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 2}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 2
process.first = cms.EDProducer(MODULES + "MakeCount", add=1)
process.second = cms.EDProducer(MODULES + "MakeCount", input="first", add=1)
process.unwanted = cms.EDProducer(MODULES + "MakeCount")
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.count = cms.EDAnalyzer(MODULES + "ExpectCount", input="second", add=2)
process.check = cms.EDAnalyzer(MODULES + "ExpectCalls", calls=["first 2", "second 2"])
process.p = cms.Path(process.even + process.count, cms.Task(process.first, process.second, process.unwanted))
process.e = cms.EndPath(process.check)
