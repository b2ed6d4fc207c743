"""A module on a Task fails, and only an output asks for what it makes."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 8016, "events_failed": 1, "outputs": {"out": {"complete": False}}}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 2
process.bad = cms.EDProducer(MODULES + "Fail", kind="EventCorruption", at=[2])
process.out = cms.OutputModule("PoolOutputModule", fileName="all.root")
process.e = cms.EndPath(process.out, cms.Task(process.bad))
