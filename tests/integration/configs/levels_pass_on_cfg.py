"""Of luminosity blocks that an earlier selection left without events, and of runs, products are passed on."""

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

EXPECTED = {"exit_code": 0}

options = VarParsing("analysis")
options.register("lumis", [], VarParsing.multiplicity.list, VarParsing.varType.string)
options.register("entries", [], VarParsing.multiplicity.list, VarParsing.varType.string)
options.register("skip", 0)
options.register("makes", False)
options.parseArguments()

process = cms.Process("COPY")
process.source = cms.Source(
    "PoolSource", fileNames=["skim.root"], lumisToProcess=options.lumis, skipEvents=options.skip
)
process.source.entriesToProcess = options.entries
process.maxEvents.input = options.maxEvents
process.out = cms.OutputModule("PoolOutputModule", fileName="copy.root")
process.e = cms.EndPath(process.out)
if options.makes:
    process.more = cms.EDProducer("tests.integration.level_modules:MakeLevels")
    process.p = cms.Path(process.more)
