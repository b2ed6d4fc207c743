from __future__ import annotations

import pytest

import eventproc.config as cms
from eventproc.config.replacing import (
    massReplaceParameter,
    massSearchReplaceAnyInputTag,
    massSearchReplaceParam,
)


@pytest.fixture
def process() -> cms.Process:
    made = cms.Process("TEST")
    for label in ("a", "b", "onTask", "elsewhere"):
        module = cms.EDProducer("P", src=cms.InputTag("old", "x"), n=cms.int32(1), p=cms.PSet(n=cms.int32(1)))
        setattr(made, label, module)
    made.inner = cms.Sequence(made.b)
    made.s = cms.Sequence(made.a + made.inner, cms.Task(made.onTask))
    return made


def tags(process: cms.Process) -> list[str]:
    return [str(module.src) for module in process.modules_().values()]


def test_tags_of_a_sequence_and_its_tasks_are_replaced_and_no_others(process: cms.Process) -> None:
    massSearchReplaceAnyInputTag(process.s, "old:x", "new")
    assert tags(process) == ["new", "new", "new", "old:x"]
    massSearchReplaceAnyInputTag(process.s, "new", cms.InputTag("newer"), moduleLabelOnly=True)
    assert tags(process) == ["newer", "newer", "newer", "old:x"]


def test_a_value_is_replaced_where_it_is_the_old_one(
    process: cms.Process, capsys: pytest.CaptureFixture[str]
) -> None:
    process.b.n = 7
    massSearchReplaceParam(process.s, "n", 1, 2, verbose=True)
    assert [module.n.value() for module in process.modules_().values()] == [2, 7, 2, 1]
    assert capsys.readouterr().out == "a.n = 2\nonTask.n = 2\n"
    assert massReplaceParameter(process, "n", cms.int32(1), 3) is process
    assert [module.n.value() for module in process.modules_().values()] == [2, 7, 2, 3]
    assert process.a.p.n == 1  # only parameters of the modules themselves
    assert process.a.n.isTracked()
