"""Tags the jets of an ECAL sample: crystals in, scored jets out.

eventproc run python_configs/top_tagging_cfg.py inputFiles=a.root,b.root outputFile=o.root maxEvents=50

Without servers= the job starts an accelerator server of its own and ends it.
"""

from pathlib import Path

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

data = Path(__file__).resolve().parent.parent / "data"

options = VarParsing("analysis")
options.register("jetEtMin", 200.0, info="jets of less transverse momentum are dropped, GeV")
options.register("numberOfStreams", 16, info="events in flight at once")
options.register("servers", [], info="accelerator servers, http://host:port; none: our own")
options.register("model", "toptag_small", info="the model to ask for")
options.register("overwrite", False, info="replace an output file that exists")
options.setDefault("inputFiles", [str(data / "top_qcd.root")])
options.setDefault("outputFile", "top_tagging.root")
options.parseArguments()

process = cms.Process("TOPTAG")
process.load("top_tagging_cff")
process.ecalJets.jetEtMin = options.jetEtMin
process.topTags.modelName = options.model

process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents
process.options.numberOfStreams = options.numberOfStreams

process.InferenceService = cms.Service(
    "InferenceService",
    servers=cms.untracked.vstring(options.servers),
    modelsFolder=cms.untracked.string(str(data / "models")),
)

process.out = cms.OutputModule(
    "PoolOutputModule",
    fileName=cms.untracked.string(options.outputFile),
    overwrite=cms.untracked.bool(options.overwrite),
    outputCommands=cms.untracked.vstring(
        "drop *",
        "keep *_ecalJets_*_*",
        "keep *_topTags_*_*",
        "keep *_jetTruth_*_*",
        "keep *_genPartons_*_*",
    ),
)

process.p = cms.Path(process.topTagging)
process.e = cms.EndPath(process.out)
