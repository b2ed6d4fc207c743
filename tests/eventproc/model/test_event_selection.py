import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.event_selection import Criterion, EventSelection
from eventproc.model.trigger_results import PathState

PATHS = ["mu", "mu_tight", "jet"]
P, F, X = PathState.Pass, PathState.Fail, PathState.Exception


def wants(expressions, *states):
    criteria = [Criterion.parse(text, "output 'o'") for text in expressions]
    return EventSelection(criteria, PATHS, "output 'o'").wants(bytes(states))


@pytest.mark.parametrize(
    ("expression", "states", "wanted"),
    [
        ("mu", (P, F, F), True),
        ("mu", (F, P, P), False),
        ("mu", (X, P, P), False),
        ("!mu", (F, P, P), True),
        ("!mu", (P, F, F), False),
        ("!mu", (X, F, F), False),
        ("mu*", (F, P, F), True),
        ("mu*", (F, F, P), False),
        ("m?", (P, F, F), True),
        ("!mu*", (F, F, P), True),
        ("!mu*", (F, P, F), False),
        ("!mu*", (F, X, F), False),
        ("exception@mu", (X, F, F), True),
        ("exception@mu", (F, X, F), False),
        ("exception@*", (F, F, X), True),
        ("exception@*", (P, F, P), False),
        ("*", (F, F, P), True),
        ("*", (F, F, F), False),
    ],
)
def test_an_expression_is_met_by_the_states_that_cmsrun_says(expression, states, wanted):
    assert wants([expression], *states) is wanted


def test_one_expression_of_several_is_enough():
    assert wants(["jet", "!mu"], F, F, F)
    assert not wants(["jet", "!mu"], P, P, F)


def test_an_earlier_process_is_named_behind_a_colon():
    criterion = Criterion.parse("!mu*:HLT", "output 'o'")
    assert (criterion.state, criterion.pattern, criterion.process) == (F, "mu*", "HLT")


@pytest.mark.parametrize("text", ["", "!!mu", "mu & jet", "except@mu", "mu:", "mu:A:B", "exception@"])
def test_an_expression_that_is_none_says_how_to_write_one(text):
    with pytest.raises(ConfigurationError, match=r"output 'o'.*'exception@path'"):
        Criterion.parse(text, "output 'o'")


def test_an_expression_that_matches_no_path_offers_the_near_ones():
    with pytest.raises(ConfigurationError, match=r"'mu_tigt' matches no path: did you mean 'mu_tight'"):
        wants(["mu_tigt"], P, P, P)
