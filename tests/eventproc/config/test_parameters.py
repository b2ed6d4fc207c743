from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import eventproc.config as cms
from eventproc.config.parameters import frozen_value
from eventproc.errors import ConfigurationError
from eventproc.model.input_tag import InputTag


@pytest.mark.parametrize(
    ("typed", "frozen"),
    [
        (cms.bool(True), True),
        (cms.int32(3), 3),
        (cms.uint32(2**32 - 1), 2**32 - 1),
        (cms.int64(-(2**63)), -(2**63)),
        (cms.uint64(2**64 - 1), 2**64 - 1),
        (cms.double(3), 3.0),
        (cms.string("x"), "x"),
        (cms.FileInPath("data/m.onnx"), "data/m.onnx"),
        (cms.vbool(True, False), [True, False]),
        (cms.vint32(1, 2), [1, 2]),
        (cms.vint32([1, 2]), [1, 2]),
        (cms.vuint32(i for i in range(300)), list(range(300))),
        (cms.vdouble(1, 2.5), [1.0, 2.5]),
        (cms.vstring("ab"), ["ab"]),
        (cms.vstring(), []),
        (cms.PSet(a=cms.int32(1), b=cms.PSet(c="d")), {"a": 1, "b": {"c": "d"}}),
        (cms.VPSet(cms.PSet(a=1), {"b": 2}), [{"a": 1}, {"b": 2}]),
    ],
)
def test_a_typed_value_freezes_to_json(typed: object, frozen: object) -> None:
    result = frozen_value(typed, "x")
    assert result == frozen
    assert type(result) is type(frozen)


@pytest.mark.parametrize(
    ("plain", "frozen"),
    [
        (None, None),
        (3, 3),
        (2.5, 2.5),
        ("x", "x"),
        ((1, 2), [1, 2]),
        ({"a": (1, cms.int32(2))}, {"a": [1, 2]}),
        (Path("a/b.root"), "a/b.root"),
        (InputTag("a", "b"), "a:b"),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
    ],
)
def test_a_plain_value_freezes_to_json(plain: object, frozen: object) -> None:
    result = frozen_value(plain, "x")
    assert result == frozen
    assert type(result) is type(frozen)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cms.int32(2**31), r"cms.int32: 2147483648 is outside -2147483648..2147483647"),
        (lambda: cms.uint32(-1), r"cms.uint32: -1 is outside 0"),
        (lambda: cms.int32(3.0), r"cms.int32: 3.0 is not a whole number"),
        (lambda: cms.int32(True), r"cms.int32: True is a bool"),
        (lambda: cms.double("3"), r"cms.double: '3' is not a number"),
        (lambda: cms.double(float("inf")), r"cms.double: inf cannot be stored"),
        (lambda: cms.bool(1), r"cms.bool: 1 is neither True nor False"),
        (lambda: cms.string(3), r"cms.string: 3 is not text"),
        (lambda: cms.vint32(1, "2"), r"cms.int32: '2' is not a whole number"),
        (lambda: cms.VPSet(3), r"cms.VPSet: 3 is not a cms.PSet"),
        (lambda: cms.FileInPath(""), r"cms.FileInPath: the name of the file is empty"),
    ],
)
def test_a_value_of_another_type_is_refused_with_the_line(build: object, message: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"test_parameters.py:\d+: {message}"):
        build()


@pytest.mark.parametrize("value", [{1, 2}, object(), float("nan"), {3: "x"}])
def test_a_plain_value_that_is_no_parameter_is_named(value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"parameter 'cuts\.inner"):
        frozen_value({"inner": value}, "cuts")


def test_an_assignment_keeps_type_and_tracking() -> None:
    module = cms.EDProducer("X", cut=cms.untracked.double(20), names=cms.vstring("a"))
    module.cut = 30
    module.names = ["b", "c"]
    assert repr(module.cut) == "cms.untracked.double(30.0)"
    assert repr(module.names) == "cms.vstring('b', 'c')"
    with pytest.raises(ConfigurationError, match=r"cms.double: 'high' is not a number"):
        module.cut = "high"


def test_an_assigned_typed_value_replaces_the_type() -> None:
    module = cms.EDProducer("X", cut=cms.double(20))
    module.cut = cms.int32(3)
    assert repr(module.cut) == "cms.int32(3)"


def test_typed_values_compare_and_compute_as_plain_ones() -> None:
    assert cms.int32(3) == 3 == cms.int32(3)
    assert cms.double(2.5) < 3 <= cms.int32(3)
    assert cms.double(4) > 3
    assert cms.double(4) >= cms.double(4)
    assert not cms.bool(False)
    assert list(range(cms.int32(2))) == [0, 1]
    assert float(cms.int32(2)) == 2.0
    assert str(cms.string("x")) == "x"
    assert cms.vint32(1, 2) == [1, 2]
    assert cms.vint32(1, 2) != [1]


def test_set_value_checks_as_construction_does() -> None:
    value = cms.int32(3)
    value.setValue(cms.int32(4))
    assert value.value() == 4
    with pytest.raises(ConfigurationError):
        value.setValue("x")


def test_a_vector_works_as_a_checked_list() -> None:
    vector = cms.vint32(1, 2)
    vector.append(3)
    vector += [4]
    vector.extend([5])
    vector.insert(0, 0)
    vector[1] = 10
    vector[2:4] = [20]
    del vector[0]
    vector.remove(5)
    assert vector == [10, 20, 4]
    assert len(vector) == 3
    assert 20 in vector
    assert vector.index(20) == 1
    assert (vector + cms.vint32(7)).value() == [10, 20, 4, 7]
    vector.setValue([1])
    assert vector.value() == [1]
    with pytest.raises(ConfigurationError):
        vector.append("x")


def test_untracked_marks_the_value() -> None:
    assert not cms.untracked.int32(3).isTracked()
    assert not cms.untracked(cms.string("x")).isTracked()
    assert not cms.untracked.PSet(a=1).isTracked()
    assert cms.int32(3).isTracked()
    with pytest.raises(AttributeError, match="did you mean 'int32'"):
        cms.untracked.int33(3)
    with pytest.raises(ConfigurationError, match="takes a typed value"):
        cms.untracked(3)


def test_a_wrong_name_in_cms_gets_near_names() -> None:
    with pytest.raises(AttributeError, match="cms has no 'EDProduser': did you mean 'EDProducer'"):
        _ = cms.EDProduser
    with pytest.raises(AttributeError, match="no EventSetup"):
        _ = cms.ESSource


def test_every_public_name_is_there() -> None:
    assert all(hasattr(cms, name) for name in cms.__all__)
