"""Reads tagged jets and fills histograms of their scores, momenta and masses, by truth.

eventproc run python_configs/analysis_cfg.py inputFiles=top_tagging.root outputFile=histograms.root
"""

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

options = VarParsing("analysis")
options.setDefault("inputFiles", "top_tagging.root")
options.setDefault("outputFile", "histograms.root")
options.parseArguments()

process = cms.Process("ANALYSIS")
process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents

process.topTagHistograms = cms.EDAnalyzer(
    "TopTagAnalyzer",
    jets=cms.InputTag("ecalJets"),
    tags=cms.InputTag("topTags"),
    truth=cms.InputTag("jetTruth"),
    fileName=cms.untracked.string(options.outputFile),
)

process.p = cms.Path(process.topTagHistograms)
