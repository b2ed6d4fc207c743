"""Random numbers follow from the module's label and the event, not from streams or order."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_written": 20}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 20
process.RandomNumberGeneratorService = cms.Service(
    "RandomNumberGeneratorService",
    initialSeed=cms.untracked.uint32(12345),
    moduleSeeds=cms.PSet(other=cms.untracked.uint32(54321)),
)
process.one = cms.EDProducer(MODULES + "Draw")
process.other = cms.EDProducer(MODULES + "Draw")
process.p = cms.Path(process.one + process.other)
process.out = cms.OutputModule("PoolOutputModule", fileName="random.root", overwrite=True)
process.e = cms.EndPath(process.out)
