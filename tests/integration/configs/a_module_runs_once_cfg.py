"""A module on several paths runs once on an event; on EndPaths and FinalPaths after all Paths."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 1}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 1
process.shared = cms.EDProducer(MODULES + "MakeCount")
process.a = cms.EDAnalyzer(MODULES + "Note")
process.b = cms.EDAnalyzer(MODULES + "Note")
process.end = cms.EDAnalyzer(MODULES + "Note")
process.final = cms.EDAnalyzer(MODULES + "Note")
process.check = cms.EDAnalyzer(MODULES + "ExpectCalls", calls=["shared 1", "a 1", "b 1", "end 1", "final 1"])
process.f = cms.FinalPath(process.final)
process.e = cms.EndPath(process.end + process.check)
process.p = cms.Path(process.shared + process.a)
process.q = cms.Path(process.shared + process.b)
