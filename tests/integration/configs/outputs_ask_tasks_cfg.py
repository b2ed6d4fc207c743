"""To keep is to consume: an output has modules on Tasks run, for the events that it takes and no others."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {
    "exit_code": 0,
    "events_read": 4,
    "events_failed": 0,
    "skipped_events": [4],
    "outputs": {
        "evenOnly": {"events": 1, "events_not_selected": 2, "events_skipped": 1},
        "nothing": {"events": 4},
    },
}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 4
process.options.TryToContinue = ["EventCorruption"]
process.even = cms.EDFilter(MODULES + "Divisible", by=2)
process.first = cms.EDProducer(MODULES + "MakeCount", add=1)
process.second = cms.EDProducer(MODULES + "MakeCount", input="first", add=1)
process.bad = cms.EDProducer(MODULES + "Fail", kind="EventCorruption", at=[4])
process.dropped = cms.EDProducer(MODULES + "MakeCount")
process.check = cms.EDAnalyzer(
    MODULES + "ExpectCalls",
    calls=["end 1", "end 2", "first 2", "second 2", "end 3", "end 4", "first 4", "second 4"],
)
process.end = cms.EDAnalyzer(MODULES + "Note")
process.p = cms.Path(process.even, cms.Task(process.first, process.second, process.bad, process.dropped))
process.evenOnly = cms.OutputModule(
    "PoolOutputModule",
    fileName="even.root",
    outputCommands=["keep *", "drop *_dropped_*_*"],
    SelectEvents=cms.untracked.PSet(SelectEvents=cms.vstring("p")),
)
process.nothing = cms.OutputModule("PoolOutputModule", fileName="nothing.root", outputCommands=["drop *"])
process.e = cms.EndPath(process.evenOnly + process.nothing + process.end + process.check)
