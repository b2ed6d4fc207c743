"""Events that came before are left out; they were read, and nothing is left to do."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 4, "events_written": 4, "events_unprocessed": 0}

process = cms.Process("SECOND")
process.source = cms.Source(
    "PoolSource", fileNames=["first.root", "again.root"], duplicateCheckMode="checkAllFilesOpened"
)
process.check = cms.EDAnalyzer(MODULES + "ExpectCount", input="count", add=1)
process.p = cms.Path(process.check)
process.out = cms.OutputModule("PoolOutputModule", fileName="second.root")
process.e = cms.EndPath(process.out)
