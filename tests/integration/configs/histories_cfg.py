"""One of several processes that follow each other; its name and its input are words."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_failed": 0}

options = cms.VarParsing("analysis")
options.register("name", "SIM")
options.register("add", 0)
options.register("first", 1)
options.register("output", "a.root")
options.parseArguments()

process = cms.Process(options.name)
if options.inputFiles:
    process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
else:
    process.source = cms.Source("EmptySource", firstEvent=cms.untracked.uint32(options.first))
    process.maxEvents.input = 2
process.count = cms.EDProducer(MODULES + "MakeCount", add=options.add)
process.p = cms.Path(process.count)
process.out = cms.OutputModule(
    "PoolOutputModule", fileName=options.output, outputCommands=["keep *", "drop TriggerResults_*_*_*"]
)
process.e = cms.EndPath(process.out)
