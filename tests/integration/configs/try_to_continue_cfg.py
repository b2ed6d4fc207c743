"""TryToContinue: what needs the failed module does not run, everything else does, the job succeeds."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {
    "exit_code": 0,
    "events_read": 3,
    "events_written": 3,
    "skipped_events": [2],
    "outputs": {
        "dependent": {"events": 2, "events_skipped": 1},
        "independent": {"events": 3, "events_skipped": 0},
    },
}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 3
process.options.TryToContinue = ["EventCorruption"]
process.bad = cms.EDProducer(MODULES + "Fail", kind="EventCorruption", at=[2])
process.needs = cms.EDProducer(MODULES + "MakeCount", input="bad")
process.free = cms.EDProducer(MODULES + "MakeCount")
process.end = cms.EDAnalyzer(MODULES + "Note")
process.check = cms.EDAnalyzer(
    MODULES + "ExpectCalls",
    calls=["free 1", "needs 1", "end 1", "free 2", "end 2", "free 3", "needs 3", "end 3"],
)
process.p = cms.Path(process.bad)
process.q = cms.Path(process.free + process.needs)
process.dependent = cms.OutputModule("PoolOutputModule", fileName="dependent.root")
process.independent = cms.OutputModule(
    "PoolOutputModule", fileName="independent.root", outputCommands=["drop *", "keep *_free_*_*"]
)
process.e = cms.EndPath(process.end + process.dependent + process.independent + process.check)
