"""Several processes read ranges of the same files; skipEvents and maxEvents hold for the job."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {
    "exit_code": 0,
    "events_read": 29,
    "outputs": {"out": {"events": 29}},
}

process = cms.Process("READ")
process.source = cms.Source(
    "PoolSource", fileNames=["all.root", "even.root"], skipEvents=cms.untracked.uint32(5)
)
process.maxEvents.input = 29
process.options.numberOfProcesses = 2
process.expect = cms.EDAnalyzer(MODULES + "ExpectCount", input="count", add=1)
process.again = cms.EDProducer(MODULES + "MakeCount", input="count", add=3)
process.bad = cms.EDAnalyzer(MODULES + "ExpectPresence", input="bad", by=2)
process.p = cms.Path(process.again + process.expect + process.bad)
process.out = cms.OutputModule("PoolOutputModule", fileName="read.root")
process.e = cms.EndPath(process.out)
