from __future__ import annotations

import pytest

import eventproc.config as cms
from eventproc.config.parameters import frozen_value
from eventproc.errors import ConfigurationError


def test_psets_given_first_are_merged_and_named_parameters_win() -> None:
    common = cms.PSet(a=cms.int32(1), b=cms.int32(2))
    merged = cms.PSet(common, cms.PSet(c=3), b=cms.int32(5))
    assert frozen_value(merged, "") == {"a": 1, "b": 5, "c": 3}
    merged.a = 9
    assert common.a == 1


def test_a_module_takes_blocks_of_parameters() -> None:
    module = cms.EDProducer("X", cms.PSet(a=1), b=2)
    assert module.parameterNames_() == ["a", "b"]
    with pytest.raises(ConfigurationError, match="parameters are given by name"):
        cms.EDProducer("X", 3)


def test_clone_changes_a_copy_and_leaves_the_original() -> None:
    original = cms.EDProducer(
        "X",
        cut=cms.double(1),
        pset=cms.PSet(a=cms.int32(1), b=cms.int32(2)),
        psets=cms.VPSet(cms.PSet(a=1), cms.PSet(a=2)),
        names=cms.vstring("a", "b"),
        plain={"k": 1, "l": 2},
        gone=1,
    )
    clone = original.clone(
        cut=2,
        pset={"b": 3},
        psets={1: {"a": 5}},
        names={0: "c"},
        plain={"k": 7},
        gone=None,
        new="x",
    )
    assert clone._frozen_parameters() == {
        "cut": 2.0,
        "pset": {"a": 1, "b": 3},
        "psets": [{"a": 1}, {"a": 5}],
        "names": ["c", "b"],
        "plain": {"k": 7, "l": 2},
        "new": "x",
    }
    assert original.cut == 1
    assert original.pset.b == 2
    assert original.psets[1].a == 2
    assert type(clone) is cms.EDProducer
    assert clone.type_() == "X"
    assert "test_psets.py" in clone.where_()


def test_removing_a_parameter_that_is_not_there_offers_near_names() -> None:
    with pytest.raises(ConfigurationError, match="no parameter 'cutt' to remove: did you mean 'cut'"):
        cms.EDProducer("X", cut=1).clone(cutt=None)


def test_a_missing_parameter_is_an_attribute_error_with_near_names() -> None:
    module = cms.EDProducer("X", jetEtMin=1)
    assert not hasattr(module, "other")
    with pytest.raises(AttributeError, match="no parameter 'jetEtMim': did you mean 'jetEtMin'"):
        _ = module.jetEtMim


def test_parameters_can_be_listed_found_and_deleted() -> None:
    module = cms.EDProducer("X", a=cms.PSet(b=cms.int32(1)), c=2)
    assert module.hasParameter("a")
    assert module.hasParameter(["a", "b"])
    assert not module.hasParameter(["a", "x"])
    assert not module.hasParameter(["c", "x"])
    assert module.getParameter("a.b") == 1
    assert module.getParameter("a.x") is None
    del module.c
    assert module.parameterNames_() == ["a"]
    copies = module.parameters_()
    copies["a"].b = 5
    assert module.a.b == 1


@pytest.mark.parametrize("name", ["clone", "label_", "_hidden", "a-b", "", "lambda", "é"])
def test_a_name_that_cannot_be_a_parameter_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be a parameter's name"):
        cms.EDProducer("X", **{name: 1})


@pytest.mark.parametrize("name", ["value", "type", "label", "kind", "where", "name"])
def test_everyday_words_can_be_parameters(name: str) -> None:
    module = cms.EDProducer("X", **{name: cms.int32(1)}, inner=cms.PSet(**{name: cms.int32(2)}))
    setattr(module, name, 3)
    assert module._frozen_parameters() == {name: 3, "inner": {name: 2}}


def test_a_pset_is_changed_in_place_by_a_dict_and_replaced_by_a_pset() -> None:
    module = cms.EDProducer("X", a=cms.untracked.PSet(b=cms.int32(1), c=2))
    module.a = {"b": 5}
    assert frozen_value(module.a, "") == {"b": 5, "c": 2}
    assert not module.a.isTracked()
    module.a = cms.PSet(d=1)
    assert frozen_value(module.a, "") == {"d": 1}
    with pytest.raises(ConfigurationError, match=r"cannot stand for a cms\.PSet"):
        module.a = 3


def test_a_component_needs_a_plugin_name() -> None:
    with pytest.raises(ConfigurationError, match="the first argument is the plugin's name"):
        cms.EDProducer(cms.PSet())


def test_psets_compare_by_value() -> None:
    assert cms.PSet(a=cms.int32(1)) == cms.PSet(a=1)
    assert cms.PSet(a=1) != cms.PSet(a=2)
    assert cms.VPSet(cms.PSet(a=1)) == [cms.PSet(a=1)]
