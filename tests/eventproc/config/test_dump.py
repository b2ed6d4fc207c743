from __future__ import annotations

import dataclasses
from keyword import iskeyword
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import eventproc.config as cms
from eventproc.config.freeze import freeze
from eventproc.config.loader import load_process
from eventproc.model.descriptions import ComponentDescription, ProcessDescription

from .conftest import LoadText


def without_places(job: ProcessDescription) -> ProcessDescription:
    def bare(component: ComponentDescription) -> ComponentDescription:
        return dataclasses.replace(component, where="")

    return dataclasses.replace(
        job,
        source=bare(job.source),
        modules=tuple(map(bare, job.modules)),
        services=tuple(map(bare, job.services)),
    )


def reloaded(process: cms.Process, folder: Path) -> cms.Process:
    path = folder / "dumped_cfg.py"
    path.write_text(process.dumpPython())
    return load_process(path)


def test_everything_a_process_holds_comes_back(tmp_path: Path) -> None:
    process = cms.Process("TEST")
    process.late = cms.EDProducer("Late", src=cms.InputTag("a", "b"), text='it\'s "quoted"\n\\')
    process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring("a.root"))
    process.maxEvents = 12
    process.options.numberOfStreams = 3
    process.common = cms.PSet(a=cms.double(1e300), b=cms.VPSet(cms.PSet(c=cms.untracked.bool(True))))
    process.list = cms.VPSet()
    process.f = cms.EDFilter("F", process.common, tag=cms.VEventRange("1:2-1:MAX"))
    process.out = cms.OutputModule("PoolOutputModule", fileName="o.root", plain={"k": [1, None, 2.5]})
    process.Timing = cms.Service("Timing")
    process.outer = cms.Sequence()
    process.inner = cms.Sequence(process.late, cms.Task(process.f))
    process.outer += process.inner + cms.Sequence(~process.f)
    process.p = cms.Path(process.outer + cms.ignore(process.f))
    process.unused = cms.EDProducer("Unused")
    process.deleted = cms.EDProducer("Deleted")
    process.outerTask = cms.Task()
    process.innerTask = cms.ConditionalTask(process.unused)
    process.outerTask.add(process.innerTask)
    process.q = cms.Path(process.deleted + process.late, process.outerTask)
    process.empty = cms.Path()
    process.e = cms.EndPath(process.out)
    process.schedule = cms.Schedule(process.q, process.p, process.e, tasks=[process.outerTask])
    del process.deleted
    again = reloaded(process, tmp_path)
    assert without_places(freeze(again)) == without_places(freeze(process))
    assert list(again.sequences_()) == ["inner", "outer"]
    assert again.common == process.common
    assert again.dumpPython() == reloaded(again, tmp_path).dumpPython()


def test_a_wrong_job_is_dumped_too() -> None:
    process = cms.Process("TEST")
    process.p = cms.Path(cms.EDProducer("Loose", a=1))
    assert "process.p = cms.Path(cms.EDProducer('Loose',\n    a = 1,\n))" in process.dumpPython()


def test_a_very_long_path_comes_back(tmp_path: Path) -> None:
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource")
    process.p = cms.Path()
    for number in range(3000):
        setattr(process, f"m{number}", cms.EDProducer("X"))
        process.p += getattr(process, f"m{number}")
    assert freeze(reloaded(process, tmp_path)).paths == freeze(process).paths


def test_a_single_module_is_dumped() -> None:
    assert cms.EDProducer("X", a=cms.int32(1)).dumpPython() == "cms.EDProducer('X',\n    a = cms.int32(1),\n)"


def test_the_dump_is_the_same_after_modifiers_and_fragments(load_text: LoadText, tmp_path: Path) -> None:
    process = load_text(
        """
        import eventproc.config as cms
        run3 = cms.Modifier()
        process = cms.Process("TEST", run3)
        process.source = cms.Source("EmptySource")
        process.load("frag_cff")
        run3.toModify(process.jets, cut=7)
        process.p = cms.Path(process.seq)
        """,
        frag_cff="""
        import eventproc.config as cms
        jets = cms.EDProducer("Jets", cut=cms.double(1))
        seq = cms.Sequence(jets)
        """,
    )
    again = reloaded(process, tmp_path)
    assert again.jets.cut == 7
    assert without_places(freeze(again)) == without_places(freeze(process))


NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,5}", fullmatch=True).filter(
    lambda name: not iskeyword(name) and not hasattr(cms.PSet, name)
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
LABELS = st.sampled_from(["a", "b:c", "a::HLT", ""])

SCALARS = st.one_of(
    st.booleans().map(cms.bool),
    st.integers(-(2**31), 2**31 - 1).map(cms.int32),
    st.integers(0, 2**64 - 1).map(cms.uint64),
    FLOATS.map(cms.double),
    TEXTS.map(cms.string),
    LABELS.map(cms.InputTag),
    st.lists(st.integers(-(2**63), 2**63 - 1)).map(cms.vint64),
    st.lists(FLOATS).map(cms.vdouble),
    st.lists(TEXTS).map(cms.vstring),
    st.lists(LABELS).map(cms.VInputTag),
    st.tuples(*[st.integers(0, 9)] * 3).map(lambda parts: cms.EventID(*parts)),
)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FLOATS, TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


def _pset(values: dict[str, Any]) -> cms.PSet:
    return cms.PSet(**values)


VALUES = st.recursive(
    st.one_of(SCALARS, SCALARS.map(cms.untracked), PLAIN),
    lambda inner: st.one_of(
        st.dictionaries(NAMES, inner, max_size=3).map(_pset),
        st.lists(st.dictionaries(NAMES, inner, max_size=2).map(_pset), max_size=2).map(cms.VPSet),
    ),
    max_leaves=8,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parameters=st.dictionaries(
        NAMES.filter(lambda name: not hasattr(cms.EDFilter, name)), VALUES, max_size=4
    ),
    order=st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["", "~", "-"])), max_size=5),
    nested=st.booleans(),
)
def test_any_job_comes_back(
    tmp_path: Path, parameters: dict[str, Any], order: list[tuple[str, str]], nested: bool
) -> None:
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource", **parameters)
    process.a = cms.EDFilter("A", **parameters)
    process.b = cms.EDFilter("B")
    process.p = cms.Path()
    for label, word in order:
        module = getattr(process, label)
        step = ~module if word == "~" else cms.ignore(module) if word else module
        process.p += cms.Sequence(step) if nested else step
    before = without_places(freeze(process))
    after = without_places(freeze(reloaded(process, tmp_path)))
    assert after == before
    assert after.id == before.id
