"""The service Tracer writes a trace of streams, modules and work under way elsewhere."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 6}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 6
process.options.numberOfStreams = 3
process.Tracer = cms.Service("Tracer")
process.a = cms.EDProducer(MODULES + "Meet")
process.b = cms.EDProducer(MODULES + "Meet")
process.note = cms.EDAnalyzer(MODULES + "Note")
process.p = cms.Path(process.a + process.note)
process.q = cms.Path(process.b)
