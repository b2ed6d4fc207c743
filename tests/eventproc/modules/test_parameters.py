from typing import Annotated, Literal

import msgspec
import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.input_tag import InputTag
from eventproc.modules.parameters import (
    ParameterDescription,
    convert_parameters,
    doc,
    parameter_docs,
    parameter_values,
    untracked_names,
)


class Inner(ParameterDescription):
    depth: int = 1


class Params(ParameterDescription):
    etMin: Annotated[float, doc("least energy, GeV", ge=0)]
    hits: Annotated[InputTag, doc("the hits", untracked=True)] = InputTag("a", "b")
    names: list[str] = []
    inner: Inner = msgspec.field(default_factory=Inner)


def convert(**values):
    return convert_parameters(Params, values, "EDProducer 'm' (M)")


def test_values_take_the_declared_type_and_defaults_fill_the_rest():
    params = convert(etMin=3, hits="x:y")
    assert params.etMin == 3.0
    assert params.hits == InputTag("x", "y")
    assert parameter_values(params) == {"etMin": 3.0, "hits": "x:y", "names": [], "inner": {"depth": 1}}


def test_a_nested_pset_is_checked_too():
    assert convert(etMin=1, inner={"depth": 4}).inner.depth == 4
    with pytest.raises(ConfigurationError, match="inner"):
        convert(etMin=1, inner={"deep": 4})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"etMn": 1}, r"no parameter 'etMn': did you mean 'etMin'\?"),
        ({}, r"parameter 'etMin' is required and not given \(least energy, GeV\)"),
        ({"etMin": "x"}, r"parameter etMin = 'x': expected `float`, got `str`"),
        ({"etMin": -1}, r"parameter etMin = -1: expected `float` >= 0.0"),
        ({"etMin": 1, "hits": 3}, r"parameter hits = 3: expected `InputTag`, got `int`"),
        ({"etMin": 1, "hits": "a:b:c:d"}, r"has 4 parts"),
        ({"etMin": 1, "names": ["a", 2]}, r"parameter names = \['a', 2\]: expected `str`, got `int`"),
        ({"etMin": 1, "names": "a"}, r"parameter names = 'a': expected `list`, got `str`"),
    ],
)
def test_an_error_names_component_parameter_value_and_what_would_work(values, message):
    with pytest.raises(ConfigurationError, match=message) as raised:
        convert(**values)
    assert str(raised.value).startswith("EDProducer 'm' (M)")


def test_docs_and_untracked_marks_can_be_asked_for():
    assert parameter_docs(Params) == {"etMin": "least energy, GeV", "hits": "the hits"}
    assert untracked_names(Params) == ("hits",)


class Nested(ParameterDescription):
    size: int = 1
    verbose: Annotated[bool, doc("says more", untracked=True)] = False


class Around(ParameterDescription):
    one: Nested = msgspec.field(default_factory=Nested)
    many: list[Nested] = []
    hidden: Annotated[Nested, doc("untracked as a whole", untracked=True)] = msgspec.field(
        default_factory=Nested
    )


def test_untracked_parameters_are_found_inside_nested_ones():
    assert set(untracked_names(Around)) == {"hidden", "one.verbose", "many.*.verbose"}


@pytest.mark.parametrize("value", ["async", 3])
def test_of_a_few_words_all_are_named(value):
    class Chosen(ParameterDescription):
        mode: Annotated[Literal["Sync", "Async"], doc("who waits")] = "Async"

    with pytest.raises(ConfigurationError, match=f"parameter mode = {value!r}: expected 'Sync' or 'Async'"):
        convert_parameters(Chosen, {"mode": value}, "EDProducer 'm' (M)")
