"""Asks remote servers, and a server on this machine when none of them answers.

eventproc run python_configs/fallback_cfg.py servers=http://gpu1:8000 inputFiles=a.root

A jet that nobody can score, not even the fallback, gets a status and no score; the job goes on.
"""

from pathlib import Path

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

data = Path(__file__).resolve().parent.parent / "data"

options = VarParsing("analysis")
options.register("servers", [], info="accelerator servers, http://host:port")
options.setDefault("inputFiles", str(data / "top_qcd.root"))
options.setDefault("outputFile", "top_tagging.root")
options.parseArguments()

process = cms.Process("TOPTAG")
process.load("top_tagging_cff")
process.topTags.onFailure = "flag"
process.topTags.timeout = 10

process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents
process.options.numberOfStreams = 16

process.InferenceService = cms.Service(
    "InferenceService",
    servers=cms.untracked.vstring(options.servers),
    modelsFolder=cms.untracked.string(str(data / "models")),
    fallback=cms.untracked.PSet(enable=cms.untracked.bool(True)),
)

process.out = cms.OutputModule(
    "PoolOutputModule",
    fileName=cms.untracked.string(options.outputFile),
    outputCommands=cms.untracked.vstring("drop *", "keep *_ecalJets_*_*", "keep *_topTags_*_*"),
)

process.p = cms.Path(process.topTagging)
process.e = cms.EndPath(process.out)
