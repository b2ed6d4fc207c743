"""The second of three jobs: it makes `count` once more, and the empty process means its own."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_written": 4}

process = cms.Process("SECOND")
process.source = cms.Source("PoolSource", fileNames=["first.root"])
process.count = cms.EDProducer(MODULES + "MakeCount", input="count::@skipCurrentProcess", add=10)
process.latest = cms.EDAnalyzer(MODULES + "ExpectCount", input="count", add=11)
process.current = cms.EDAnalyzer(MODULES + "ExpectCount", input="count::@currentProcess", add=11)
process.named = cms.EDAnalyzer(MODULES + "ExpectCount", input="count::FIRST", add=1)
process.skipped = cms.EDAnalyzer(MODULES + "ExpectCount", input="count::@skipCurrentProcess", add=1)
process.p = cms.Path(process.count + process.latest + process.current + process.named + process.skipped)
process.out = cms.OutputModule("PoolOutputModule", fileName="second.root")
process.e = cms.EndPath(process.out)
