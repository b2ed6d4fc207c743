from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

import eventproc.config as cms
from eventproc.config.modifiers import forget_chosen
from eventproc.errors import ConfigurationError


@pytest.fixture(autouse=True)
def _no_modifier_outlives_a_test() -> Iterator[None]:
    yield
    forget_chosen()


def test_a_modifier_changes_only_when_the_process_was_made_with_it() -> None:
    run2, run3 = cms.Modifier(), cms.Modifier()
    process = cms.Process("TEST", run3)
    module = cms.EDProducer("X", cut=cms.double(1), pset=cms.PSet(a=1, b=2), gone=1)
    run2.toModify(module, cut=2)
    run3.toModify(module, pset={"a": 5}, gone=None)
    run3.toModify(module, lambda thing: setattr(thing, "cut", 3))
    assert module._frozen_parameters() == {"cut": 3.0, "pset": {"a": 5, "b": 2}}
    assert process.isUsingModifier(run3)
    assert not process.isUsingModifier(run2)


def test_a_replacement_is_seen_by_who_refers_to_the_object() -> None:
    chosen = cms.Modifier()
    process = cms.Process("TEST", chosen)
    process.a, process.b = cms.EDProducer("A", x=1), cms.EDProducer("B")
    process.s, process.t = cms.Sequence(process.a), cms.Task(process.a)
    chosen.toReplaceWith(process.a, cms.EDProducer("Other", y=2))
    chosen.toReplaceWith(process.s, cms.Sequence(process.b))
    chosen.toReplaceWith(process.t, cms.Task(process.b))
    assert process.a.type_() == "Other"
    assert process.a.label_() == "a"
    assert process.a.parameterNames_() == ["y"]
    assert process.s.moduleNames() == process.t.moduleNames() == {"b"}
    with pytest.raises(ConfigurationError, match="two objects of one kind"):
        chosen.toReplaceWith(process.a, cms.EDFilter("F"))


def test_modifiers_combine() -> None:
    a, b = cms.Modifier(), cms.Modifier()
    cms.Process("TEST", a)
    assert (a & ~b).isChosen()
    assert (a | b).isChosen()
    assert not (a & b).isChosen()


def test_a_chain_chooses_its_modifiers_except_the_excluded() -> None:
    a, b, c = cms.Modifier(), cms.Modifier(), cms.Modifier()
    chain = cms.ModifierChain(a, cms.ModifierChain(b, c))
    process = cms.Process("TEST", chain.copyAndExclude([b]))
    assert a.isChosen()
    assert not b.isChosen()
    assert c.isChosen()
    assert process.isUsingModifier(c)


def test_a_process_modifier_waits_for_its_fragment_to_be_loaded() -> None:
    chosen = cms.Modifier()
    process = cms.Process("TEST", chosen)
    change = chosen.makeProcessModifier(lambda p: setattr(p, "added", cms.EDProducer("X")))
    process.extend(SimpleNamespace(change=change))
    assert process.added.type_() == "X"


def test_wrong_uses_are_refused() -> None:
    modifier = cms.Modifier()
    cms.Process("TEST", modifier)
    with pytest.raises(ConfigurationError, match="either a function or parameters"):
        modifier.toModify(cms.EDProducer("X"))
    with pytest.raises(ConfigurationError, match="needs a module or PSet"):
        modifier.toModify(cms.Sequence(), a=1)
    with pytest.raises(ConfigurationError, match="takes modifiers"):
        cms.Process("TEST", "run3")
    with pytest.raises(ConfigurationError, match="takes modifiers"):
        cms.ModifierChain("run3")
