"""Compares jets clustered from crystals with the particle-flow jets stored in the same events.

eventproc run python_configs/validation_cfg.py inputFiles=cms2012_ebhits.root outputFile=jet_response.root

The input is a flat ntuple of collision events; process.source.layoutParameters names its branches.
"""

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

options = VarParsing("analysis")
options.register("referenceEtMin", 40.0, info="reference jets of less ET are left out, GeV")
options.setDefault("outputFile", "jet_response.root")
options.parseArguments()

process = cms.Process("VALIDATION")
process.load("top_tagging_cff")
process.ecalJets.jetEtMin = 10.0

process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents

process.jetResponse = cms.EDAnalyzer(
    "JetResponseAnalyzer",
    jets=cms.InputTag("ecalJets"),
    reference=cms.InputTag("ak5PFJets"),
    referenceEtMin=cms.double(options.referenceEtMin),
    fileName=cms.untracked.string(options.outputFile),
)

process.p = cms.Path(process.ecalCrystals + process.ecalJets + process.jetResponse)
