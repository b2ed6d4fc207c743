"""SelectEvents: p, !p, wildcards and exception@p; every output accounts for every event."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {
    "exit_code": 0,
    "events_read": 6,
    "outputs": {
        "all": {"events": 5, "events_not_selected": 0, "events_skipped": 1},
        "even": {"events": 2, "events_not_selected": 3, "events_skipped": 1},
        "odd": {"events": 3, "events_not_selected": 2, "events_skipped": 1},
        "either": {"events": 3, "events_not_selected": 2, "events_skipped": 1},
        "neither": {"events": 2, "events_not_selected": 3, "events_skipped": 1},
        "failed": {"events": 1, "events_not_selected": 5, "events_skipped": 0},
    },
    "skipped_events": [4],
}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 6
process.options.TryToContinue = ["EventCorruption"]
process.divisibleBy2 = cms.EDFilter(MODULES + "Divisible", by=2)
process.divisibleBy3 = cms.EDFilter(MODULES + "Divisible", by=3)
process.bad = cms.EDProducer(MODULES + "Fail", kind="EventCorruption", at=[4])
process.by2 = cms.Path(process.divisibleBy2 + process.bad)
process.by3 = cms.Path(process.divisibleBy3 + process.bad)
process.e = cms.EndPath()
for label, expressions in {
    "all": [],
    "even": ["by2"],
    "odd": ["!by2"],
    "either": ["by*"],
    "neither": ["!by*"],
    "failed": ["exception@by2"],
}.items():
    output = cms.OutputModule(
        "PoolOutputModule",
        fileName=f"{label}.root",
        SelectEvents=cms.untracked.PSet(SelectEvents=cms.vstring(*expressions)),
    )
    setattr(process, label, output)
    process.e += output
