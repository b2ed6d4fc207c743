"""Modules on Tasks that a consumer, or an output, asks for wait for their servers at the same time."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 2}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 2
process.a = cms.EDProducer(MODULES + "Meet")
process.b = cms.EDProducer(MODULES + "Meet")
process.c = cms.EDProducer(MODULES + "Meet")
process.d = cms.EDProducer(MODULES + "Meet")
process.same = cms.EDAnalyzer(MODULES + "ExpectSame", inputs=["a", "b"])
process.out = cms.OutputModule("PoolOutputModule", fileName="out.root")
process.e = cms.EndPath(process.out, cms.Task(process.c, process.d))
process.p = cms.Path(process.same, cms.Task(process.a, process.b))
