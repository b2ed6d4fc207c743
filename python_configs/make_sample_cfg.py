"""Simulates top pairs and QCD dijets in turn and writes their crystals; data/top_qcd.root was made by this.

eventproc run python_configs/make_sample_cfg.py outputFile=top_qcd.root maxEvents=500 seed=1

Needs Pythia: pip install 'eventproc[samples]'.
"""

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

options = VarParsing("analysis")
options.register("seed", 1, info="fixes every event")
options.register("processes", ["top", "QCD"], info="what to make, in turn")
options.register("ptHatMin", 500.0, info="least transverse momentum of the hard process, GeV")
options.register("ptHatMax", 700.0, info="largest transverse momentum of the hard process, GeV")
options.register("pileup", 0.0, info="mean number of soft collisions laid over each event")
options.setDefault("maxEvents", 500)
options.setDefault("outputFile", "top_qcd.root")
options.parseArguments()

process = cms.Process("SIM")
process.source = cms.Source(
    "PythiaSource",
    processes=cms.vstring(options.processes),
    seed=cms.uint32(options.seed),
    ptHatMin=cms.double(options.ptHatMin),
    ptHatMax=cms.double(options.ptHatMax),
    pileup=cms.double(options.pileup),
)
process.maxEvents.input = options.maxEvents

process.out = cms.OutputModule(
    "PoolOutputModule",
    fileName=cms.untracked.string(options.outputFile),
    compressionLevel=cms.untracked.int32(9),
)
process.e = cms.EndPath(process.out)
