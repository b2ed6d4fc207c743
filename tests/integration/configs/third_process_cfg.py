"""The last of three jobs: of two earlier processes the latest is meant; TriggerResults are by process."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 4, "outputs": {"selected": {"events": 2}}}

process = cms.Process("THIRD")
process.source = cms.Source("PoolSource", fileNames=["second.root"])
process.latest = cms.EDAnalyzer(MODULES + "ExpectCount", input="count", add=11)
process.skipped = cms.EDAnalyzer(MODULES + "ExpectCount", input="count::@skipCurrentProcess", add=11)
process.second = cms.EDAnalyzer(MODULES + "ExpectCount", input="count::SECOND", add=11)
process.first = cms.EDAnalyzer(MODULES + "ExpectCount", input="count::FIRST", add=1)
process.onlyFirst = cms.EDAnalyzer(MODULES + "ExpectCount", input="other", add=100)
process.current = cms.EDAnalyzer(MODULES + "ExpectMissing", input="count::@currentProcess")
process.results = cms.EDAnalyzer(
    MODULES + "ExpectResults",
    results="TriggerResults::FIRST",
    states=cms.PSet(p=cms.string("FPFP")),
)
process.latestResults = cms.EDAnalyzer(
    MODULES + "ExpectResults",
    results="TriggerResults::@skipCurrentProcess",
    states=cms.PSet(p=cms.string("PPPP")),
)
process.p = cms.Path(
    process.latest + process.skipped + process.second + process.first + process.onlyFirst
    + process.current + process.results + process.latestResults
)  # fmt: skip
process.selected = cms.OutputModule(
    "PoolOutputModule",
    fileName="third.root",
    SelectEvents=cms.untracked.PSet(SelectEvents=cms.vstring("p:FIRST")),
)
process.e = cms.EndPath(process.selected)
