"""Several processes: columns, selections, counts and histograms are those of one process."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {
    "exit_code": 0,
    "events_read": 30,
    "events_written": 27,
    "events_failed": 0,
    "events_unprocessed": 0,
    "outputs": {
        "all": {"events": 27, "events_not_selected": 0, "events_skipped": 3, "complete": True},
        "evenOnly": {"events": 12, "events_not_selected": 15, "events_skipped": 3, "complete": True},
    },
    "skipped_events": [4, 14, 2],
}

process = cms.Process("MAKE")
process.source = cms.Source("EmptySource", numberEventsInRun=20, numberEventsInLuminosityBlock=7)
process.maxEvents.input = 30
process.options.wantSummary = True
process.options.TryToContinue = ["EventCorruption"]
process.RandomNumberGeneratorService = cms.Service("RandomNumberGeneratorService", initialSeed=7)
process.Tracer = cms.Service("Tracer", fileName="trace.json")
process.count = cms.EDProducer(MODULES + "MakeCount", add=1)
process.draw = cms.EDProducer(MODULES + "Draw")
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.bad = cms.EDProducer(MODULES + "FailInRuns", at=["1:4", "1:14", "2:2"])
process.histogram = cms.EDAnalyzer(MODULES + "CountEvents", fileName="numbers.root")
process.p = cms.Path(process.count + process.draw + process.even + process.bad)
process.e = cms.EndPath(process.histogram)
process.all = cms.OutputModule("PoolOutputModule", fileName="all.root")
process.evenOnly = cms.OutputModule(
    "PoolOutputModule",
    fileName="even.root",
    compressionAlgorithm="LZ4",
    SelectEvents=cms.untracked.PSet(SelectEvents=cms.vstring("p")),
)
process.e += process.all + process.evenOnly
