import eventproc.config as cms
from eventproc.config.freeze import freeze
from eventproc.runtime.builder import build
from eventproc.runtime.complete_id import complete_id


def make_process(source=None, **output):
    process = cms.Process("ID")
    process.source = cms.Source("EmptySource", **(source or {}))
    process.out = cms.OutputModule("PoolOutputModule", fileName="o.root", **output)
    process.idle = cms.OutputModule("PoolOutputModule", fileName="idle.root")
    process.e = cms.EndPath(process.out)
    return process


def test_the_id_is_that_of_the_job_when_it_runs():
    description = freeze(make_process())
    job = build(description)
    job.source.close()
    assert complete_id(description) == job.description.id != description.id


def test_a_default_written_out_does_not_change_the_id():
    assert complete_id(freeze(make_process(overwrite=False))) == complete_id(freeze(make_process()))


def test_jobs_that_only_number_their_events_otherwise_are_one_configuration():
    numbering = {"firstRun": 2, "firstEvent": 11, "numberEventsInRun": 5}
    assert complete_id(freeze(make_process(numbering))) == complete_id(freeze(make_process()))
