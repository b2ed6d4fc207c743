"""Events are selected as by CMSSW's PoolSource, in its own words; skipEvents counts what is left."""

from pathlib import Path

import FWCore.ParameterSet.Config as cms  # noqa: N813 - what physicists write

EXPECTED = {"exit_code": 0, "events_read": 7, "outputs": {"out": {"events": 7}}, "skipped_files": {}}

process = cms.Process("TEST")
process.source = cms.Source(
    "PoolSource",
    fileNames=cms.untracked.vstring(f"file:{Path(__file__).parents[3]}/data/top_qcd.root"),
    firstRun=cms.untracked.uint32(1),
    firstEvent=cms.untracked.uint32(3),
    eventsToProcess=cms.untracked.VEventRange("1:1-1:10", "1:20", "1:90-1:MAX"),
    eventsToSkip=cms.untracked.VEventRange("1:5", "1:100-1:MAX"),
    lumisToProcess=cms.untracked.VLuminosityBlockRange("1:MIN-1:MAX"),
    lumisToSkip=cms.untracked.VLuminosityBlockRange("2:1-2:9"),
    skipEvents=cms.untracked.uint32(11),
    duplicateCheckMode=cms.untracked.string("checkAllFilesOpened"),
    skipBadFiles=cms.untracked.bool(True),
)
process.out = cms.OutputModule("PoolOutputModule", fileName=cms.untracked.string("out.root"))
process.e = cms.EndPath(process.out)
