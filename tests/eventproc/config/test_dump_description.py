from __future__ import annotations

import dataclasses
from pathlib import Path

import eventproc.config as cms
from eventproc.config.dump_description import dump_description
from eventproc.config.freeze import freeze
from eventproc.config.loader import load_process
from eventproc.model.descriptions import ProcessDescription

from .test_dump import without_places


def again(job: ProcessDescription, folder: Path) -> ProcessDescription:
    path = folder / "again_cfg.py"
    path.write_text(dump_description(job))
    return freeze(load_process(path))


def test_a_description_comes_back_whatever_it_holds(tmp_path: Path) -> None:
    process = cms.Process("TEST")
    process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring("a.root"), none=None)
    process.maxEvents = 12
    process.options.numberOfStreams = 3
    process.options.TryToContinue = ["FileReadError"]
    process.late = cms.EDProducer(
        "Late", big=cms.uint64(2**63), far=cms.int64(-(2**40)), text='it\'s "quoted"\n'
    )
    process.mixed = cms.EDProducer("M", a=[1, 2.5, None], b=[], c={"1:2": [True], "copy": 1}, d=[[1], [2]])
    process.deep = cms.EDFilter(
        "F",
        p=cms.PSet(
            x=cms.untracked.double(1e300), y=cms.VPSet(cms.PSet(c=cms.untracked.vint32(1)), cms.PSet())
        ),
        q=cms.untracked.PSet(z=cms.vdouble(1, 2)),
    )
    process.unscheduled = cms.EDProducer("Unscheduled")
    process.onDemand = cms.EDProducer("OnDemand")
    process.Timing = cms.Service("Timing")
    process.out = cms.OutputModule("PoolOutputModule", fileName="o.root")
    process.q = cms.Path(~process.deep + cms.ignore(process.deep) + process.late, cms.Task(process.onDemand))
    process.many = cms.Path()
    for n in range(60):
        setattr(process, f"m{n}", cms.EDProducer("Many"))
        process.many += getattr(process, f"m{n}")
    process.e = cms.EndPath(process.out)
    process.f = cms.FinalPath(process.out)
    process.schedule = cms.Schedule(process.many, process.q, process.e, process.f)
    job = freeze(process)
    assert without_places(again(job, tmp_path)) == without_places(job)


def test_the_job_as_it_ran_comes_back_with_its_defaults(tmp_path: Path) -> None:
    job = freeze(cms_job())
    complete = dataclasses.replace(
        job, source=dataclasses.replace(job.source, untracked=("layoutParameters.*.x", "skipEvents"))
    )
    # A path into what is not there marks nothing.
    found = again(complete, tmp_path).source
    assert found.parameters == complete.source.parameters
    assert found.untracked == ("skipEvents",)


def cms_job() -> cms.Process:
    process = cms.Process("TEST")
    process.source = cms.Source("PoolSource", fileNames=["a.root"], skipEvents=3, layoutParameters={})
    return process
