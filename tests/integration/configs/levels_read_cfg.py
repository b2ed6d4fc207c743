"""Products of runs and luminosity blocks are read from a file, and kept or dropped like any other."""

import eventproc.config as cms

MODULES = "tests.integration.level_modules:"
EXPECTED = {"exit_code": 0, "events_written": 10}

process = cms.Process("READ")
process.source = cms.Source("PoolSource", fileNames=["levels.root"])
process.expect = cms.EDAnalyzer(
    MODULES + "ExpectLevels",
    input="levels::MAKE",
    counts=["1:1: 4", "1:2: 2", "2:1: 4"],
    numbers=["1: 1 2 3 4 5 6", "2: 1 2 3 4"],
)
process.p = cms.Path(process.expect)
process.out = cms.OutputModule(
    "PoolOutputModule", fileName="read.root", outputCommands=["keep *", "drop EventNumbers_*_*_*"]
)
process.e = cms.EndPath(process.out)
