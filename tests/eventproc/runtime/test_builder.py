import pytest

from eventproc.errors import ConfigurationError, ModuleFailure
from eventproc.model.descriptions import ComponentDescription
from eventproc.runtime.builder import build
from tests.eventproc.runtime.conftest import HERE, job, module, path


def problem(description):
    with pytest.raises(ConfigurationError) as raised:
        build(description)
    return str(raised.value)


def test_a_product_nobody_makes_is_an_error_that_names_the_near_one():
    text = problem(job(module("EDProducer", "AddOne", "a", input="countr"), paths=[path("p", "a")]))
    assert "module 'a' consumes Number 'countr', which nobody makes" in text
    assert "did you mean 'counter" in text


def test_all_missing_products_are_told_at_once():
    text = problem(
        job(
            module("EDProducer", "AddOne", "a", input="x"),
            module("EDProducer", "AddOne", "b", input="y"),
            paths=[path("p", "a", "b")],
        )
    )
    assert "'x'" in text
    assert "'y'" in text


def test_a_product_of_a_module_that_stands_on_no_path_is_told_as_such():
    text = problem(
        job(
            module("EDProducer", "AddOne", "idle"),
            module("EDProducer", "AddOne", "a", input="idle"),
            paths=[path("p", "a")],
        )
    )
    assert "'idle' is defined but stands on no path and no Task" in text


def test_a_module_before_the_one_it_needs_is_an_error():
    text = problem(
        job(
            module("EDProducer", "AddOne", "first"),
            module("EDProducer", "AddOne", "second", input="first"),
            paths=[path("p", "second", "first")],
        )
    )
    assert "module 'second' on path 'p' needs 'first', which does not run before it" in text


def test_modules_that_wait_for_each_other_are_an_error():
    text = problem(
        job(
            module("EDProducer", "AddOne", "a", input="b"),
            module("EDProducer", "AddOne", "b", input="a"),
            tasks=["a", "b"],
        )
    )
    assert "'a' needs 'b' needs 'a'" in text


def test_all_wrong_parameters_are_told_at_once():
    text = problem(
        job(
            module("EDProducer", "AddOne", "a", stepp=2),
            module("EDAnalyzer", "Expect", "b"),
            paths=[path("p", "a", "b")],
        )
    )
    assert "no parameter 'stepp': did you mean 'step'?" in text
    assert "parameter 'input' is required" in text


def test_a_module_whose_service_is_missing_says_how_to_add_it():
    text = problem(job(module("EDProducer", "UsesRecorder", "a"), paths=[path("p", "a")]))
    assert "process.Recorder = cms.Service('Recorder', ...)" in text


def test_modules_on_no_path_are_not_built():
    built = build(
        job(module("EDProducer", "AddOne", "a"), module("EDProducer", "AddOne", "b"), paths=[path("p", "a")])
    )
    assert set(built.modules) == {"a"}


def test_a_module_knows_whether_anybody_wants_what_it_makes():
    a, b, c = (
        module("EDProducer", "AddOne", label, input=needs)
        for label, needs in (("a", "counter"), ("b", "a"), ("c", "a"))
    )
    out = module("OutputModule", "Memory", "out", refuse="b")
    alone = build(job(a, b, paths=[path("p", "a", "b")])).modules
    assert (alone["a"].output.is_wanted, alone["b"].output.is_wanted) == (True, False)
    kept = build(
        job(a, b, c, out, paths=[path("p", "a", "b", "c"), path("e", "out", kind="EndPath")])
    ).modules
    assert (kept["b"].output.is_wanted, kept["c"].output.is_wanted) == (False, True)


def test_the_description_is_completed_with_defaults():
    built = build(job(module("EDProducer", "AddOne", "a"), paths=[path("p", "a")]))
    assert built.description.modules[0].parameters == {"input": "counter", "step": 1}


@pytest.mark.parametrize(
    ("kind", "doing"),
    [
        ("EDProducer", "Constructing module tests.eventproc.runtime.modules:BreaksEDProducer/'broken'"),
        ("Service", "Constructing service tests.eventproc.runtime.modules:BreaksService"),
    ],
)
def test_a_constructor_that_raises_is_a_failure_of_what_it_constructs(kind, doing):
    paths = [path("p", "broken")] if kind == "EDProducer" else []
    with pytest.raises(ModuleFailure, match="ZeroDivisionError") as raised:
        build(job(module(kind, f"Breaks{kind}", "broken"), paths=paths))
    assert raised.value.context == [doing]


def test_a_source_that_raises_is_a_failure_of_the_source():
    source = ComponentDescription("Source", f"{HERE}:BreaksSource", "source")
    with pytest.raises(ModuleFailure) as raised:
        build(job(source=source))
    assert raised.value.context == [f"Opening input source {HERE}:BreaksSource"]


def test_the_source_is_closed_when_a_module_cannot_be_built(log):
    problem(job(module("EDProducer", "AddOne", "a", input="x"), paths=[path("p", "a")]))
    assert log == ["source closed"]
