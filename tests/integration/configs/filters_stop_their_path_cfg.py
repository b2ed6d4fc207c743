"""A filter stops its path and no other; ~ inverts it; cms.ignore disregards it."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 4}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 4
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.onEven = cms.EDAnalyzer(MODULES + "Note")
process.onOdd = cms.EDAnalyzer(MODULES + "Note")
process.always = cms.EDAnalyzer(MODULES + "Note")
process.check = cms.EDAnalyzer(
    MODULES + "ExpectCalls",
    calls=[
        "onOdd 1", "always 1", "onEven 2", "always 2", "onOdd 3", "always 3", "onEven 4", "always 4",
    ],
)  # fmt: skip
process.p = cms.Path(process.even + process.onEven)
process.q = cms.Path(~process.even + process.onOdd)
process.r = cms.Path(cms.ignore(process.even) + process.always)
process.e = cms.EndPath(process.check)
