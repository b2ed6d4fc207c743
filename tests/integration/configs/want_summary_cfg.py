"""wantSummary prints cmsRun's TrigReport and TimeReport."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 6}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 6
process.options.wantSummary = True
process.options.TryToContinue = ["EventCorruption"]
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.bad = cms.EDProducer(MODULES + "Fail", kind="EventCorruption", at=[4])
process.onDemand = cms.EDProducer(MODULES + "MakeCount")
process.asks = cms.EDProducer(MODULES + "MakeCount", input="onDemand")
process.note = cms.EDAnalyzer(MODULES + "Note")
process.p = cms.Path(process.even + process.bad)
process.q = cms.Path(process.even + process.asks, cms.Task(process.onDemand))
process.e = cms.EndPath(process.note)
