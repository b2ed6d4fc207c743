from __future__ import annotations

import pytest

import eventproc.config as cms


def held(process: cms.Process) -> set[str]:
    return {label for label in process._objects if label not in ("options", "maxEvents")}


def make(*labels: str) -> cms.Process:
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource")
    process.Timing = cms.Service("Timing")
    for label in labels:
        setattr(process, label, cms.EDProducer("P"))
    return process


def test_what_paths_sequences_and_tasks_reach_stays() -> None:
    process = make("onPath", "inSequence", "inInner", "onTask", "onInnerTask", "replaced")
    process.inner = cms.Sequence(process.inInner)
    process.outer = cms.Sequence(process.inSequence + process.inner)
    process.innerTask = cms.Task(process.onInnerTask)
    process.task = cms.Task(process.onTask, process.innerTask)
    process.p = cms.Path(process.onPath + process.outer + ~cms.EDFilter("F") + process.replaced, process.task)
    process.replaced = cms.EDProducer("Q")
    before = held(process)
    process.prune()
    assert held(process) == before


def test_what_nothing_reaches_goes(capsys: pytest.CaptureFixture[str]) -> None:
    process = make("used", "unused", "inUnusedSequence", "onUnusedTask")
    process.sequence = cms.Sequence(process.inUnusedSequence)
    process.task = cms.Task(process.onUnusedTask)
    process.pset, process.vpset = cms.PSet(), cms.VPSet()
    process.p = cms.Path(process.used)
    process.prune(verbose=True)
    assert held(process) == {"source", "Timing", "used", "p"}
    assert "unused, inUnusedSequence, onUnusedTask, sequence, task, pset, vpset" in capsys.readouterr().out


def test_a_schedule_decides_which_paths_and_tasks_count() -> None:
    process = make("a", "b", "c")
    process.task = cms.Task(process.c)
    process.p, process.q = cms.Path(process.a), cms.Path(process.b)
    process.schedule = cms.Schedule(process.p, tasks=[process.task])
    process.prune()
    assert held(process) == {"source", "Timing", "a", "c", "task", "p", "schedule"}
