"""Words of CMSSW's files run unchanged: wait, prune, mass replacement, methods of schedules and tags."""

import FWCore.ParameterSet.Config as cms  # noqa: N813 - what physicists write
from FWCore.ParameterSet.MassReplace import massReplaceParameter, massSearchReplaceAnyInputTag

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 4}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents = cms.untracked.PSet(input=cms.untracked.int32(4))
process.options = cms.untracked.PSet(wantSummary=cms.untracked.bool(False))

process.first = cms.EDProducer(MODULES + "MakeCount", add=cms.int32(1))
process.second = process.first.clone(add=2)
process.expect = cms.EDAnalyzer(MODULES + "ExpectCount", input=cms.InputTag("second"), add=cms.int32(1))
process.expectToo = process.expect.clone(input="first")
process.expectToo.input.setModuleLabel("second")
process.leftOver = cms.EDProducer("NoPluginOfThisName")
process.leftOverSequence = cms.Sequence(process.leftOver)
process.leftOverPSet = cms.PSet()

process.check = cms.Sequence(process.expect + process.expectToo)
process.p = cms.Path(cms.wait(process.first) + process.second + process.check)
process.never = cms.Path(process.leftOver)
process.setSchedule_(cms.Schedule(process.p, process.never))
assert process.schedule.contains(process.never)
process.schedule.remove(process.never)

massSearchReplaceAnyInputTag(process.check, cms.InputTag("second"), cms.InputTag("first"))
massReplaceParameter(process, "add", cms.int32(2), 5)
process.prune()
assert not hasattr(process, "leftOver")
assert not hasattr(process, "never")
