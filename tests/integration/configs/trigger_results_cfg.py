"""TriggerResults tell what became of an event on each path: passed, stopped by a filter or by an error."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 6}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 6
process.options.TryToContinue = ["EventCorruption"]
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.third = cms.EDFilter(MODULES + "Divisible", by=3)
process.bad = cms.EDProducer(MODULES + "Fail", kind="EventCorruption", at=[4])
process.check = cms.EDAnalyzer(
    MODULES + "ExpectResults",
    states=cms.PSet(
        p=cms.string("PPPPPP"), q=cms.string("FPFXFP"), r=cms.string("FFFFFP"), s=cms.string("PPPXPP")
    ),
)
process.p = cms.Path()
process.q = cms.Path(process.even + process.bad)
process.r = cms.Path(process.even + process.third + process.bad)
process.s = cms.Path(process.bad)
process.e = cms.EndPath(process.check)
