"""A production job: servers elsewhere, no server of its own, many events in flight, hits kept.

eventproc run python_configs/remote_cfg.py servers=http://gpu1:8000,http://gpu2:8000 inputFiles=a.root
"""

import eventproc.config as cms
from eventproc.config.varparsing import VarParsing

options = VarParsing("analysis")
options.register("servers", [], info="accelerator servers, http://host:port")
options.register("waitForServers", 300.0, info="how long to wait for a first server, s")
options.register("tokenFile", "", mytype=VarParsing.varType.string, info="file with the bearer token")
options.setDefault("outputFile", "top_tagging.root")
options.parseArguments()

process = cms.Process("TOPTAG")
process.load("top_tagging_cff")

process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring(options.inputFiles))
process.maxEvents.input = options.maxEvents
process.options.numberOfStreams = 64

# Without servers= the site's balancer is asked (SONIC_LOCAL_BALANCER_HOST); without that the job ends (8009).
process.InferenceService = cms.Service(
    "InferenceService",
    servers=cms.untracked.vstring(options.servers),
    waitForServers=cms.untracked.double(options.waitForServers),
    tokenFile=cms.untracked.string(options.tokenFile),
)

process.out = cms.OutputModule(
    "PoolOutputModule",
    fileName=cms.untracked.string(options.outputFile),
    outputCommands=cms.untracked.vstring("keep *", "drop *_jetImages_*_*", "drop *_ecalCrystals_*_*"),
)

process.p = cms.Path(process.topTagging)
process.e = cms.EndPath(process.out)
