"""Work elsewhere of two paths is under way at the same time within one event."""

import eventproc.config as cms

MODULES = "tests.integration.modules:"
EXPECTED = {"exit_code": 0, "events_read": 3}

process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 3
process.a = cms.EDProducer(MODULES + "Meet")
process.b = cms.EDProducer(MODULES + "Meet")
process.p = cms.Path(process.a)
process.q = cms.Path(process.b)
