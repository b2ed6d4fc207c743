"""No filter decides on an end path, negated or not: what stands behind it sees every event."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 2, "outputs": {"out": {"events": 2}}}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 2
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.note = cms.EDAnalyzer(MODULES + "Note")
process.behind = cms.EDAnalyzer(MODULES + "Note")
process.check = cms.EDAnalyzer(MODULES + "ExpectCalls", calls=["note 1", "behind 1", "note 2", "behind 2"])
process.p = cms.Path(process.even)
process.out = cms.OutputModule("PoolOutputModule", fileName="all.root")
process.e = cms.EndPath(process.even + process.note + ~process.even + process.behind + process.out)
process.f = cms.EndPath(process.check)
