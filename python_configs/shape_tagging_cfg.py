"""Tags jets twice, by their images and by twelve numbers of their crystals, with two models of one server.

eventproc run python_configs/shape_tagging_cfg.py inputFiles=a.root,b.root outputFile=o.root maxEvents=50

Without servers= the job starts an accelerator server of its own and ends it.
"""

from pathlib import Path

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

data = Path(__file__).resolve().parent.parent / "data"

options = VarParsing("analysis")
options.register("servers", [], info="accelerator servers, http://host:port; none: our own")
options.setDefault("inputFiles", [str(data / "top_qcd.root")])
options.setDefault("outputFile", "shape_tagging.root")
options.parseArguments()

process = cms.Process("SHAPETAG")
process.load("top_tagging_cff")

process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents
process.options.numberOfStreams = 16

process.InferenceService = cms.Service(
    "InferenceService",
    servers=cms.untracked.vstring(options.servers),
    modelsFolder=cms.untracked.string(str(data / "models")),
)

process.shapeTags = cms.EDProducer(
    "JetShapeTagger",
    crystals=cms.InputTag("ecalCrystals"),
    jets=cms.InputTag("ecalJets"),
    modelName=cms.string("toptag_shape"),
)

process.out = cms.OutputModule(
    "PoolOutputModule",
    fileName=cms.untracked.string(options.outputFile),
    outputCommands=cms.untracked.vstring(
        "drop *",
        "keep *_ecalJets_*_*",
        "keep *_topTags_*_*",
        "keep *_shapeTags_*_*",
        "keep *_jetTruth_*_*",
    ),
)

process.p = cms.Path(process.topTagging + process.shapeTags)
process.e = cms.EndPath(process.out)
