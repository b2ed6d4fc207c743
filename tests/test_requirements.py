from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.requirements import (
    CMS_EVENTS,
    DEMAND,
    REQUIREMENTS,
    Requirement,
    UnknownRequirement,
    closing_line,
    cms_events_folder,
    demanded,
    required_name,
    skip_reason,
)

NEEDS_ROOT = """
    import pytest

    @pytest.mark.requires("root")
    def test_reads_with_root():
        raise AssertionError("this test needs ROOT and must not run")

    def test_needs_nothing():
        pass
"""


@pytest.fixture
def inner(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A pytest run with this project's conftest, on a machine without ROOT."""
    monkeypatch.delenv(DEMAND, raising=False)
    monkeypatch.delenv(CMS_EVENTS, raising=False)
    monkeypatch.setitem(REQUIREMENTS, "root", Requirement("the ROOT wheel is not installed", lambda: False))
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # loading them takes a second a run
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text())
    return pytester


def test_a_test_whose_requirement_is_missing_is_skipped_by_name(inner: pytest.Pytester) -> None:
    inner.makepyfile(NEEDS_ROOT)
    result = inner.runpytest_inprocess("-rs")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*requires root: the ROOT wheel is not installed"])


def test_what_was_not_run_is_counted_in_one_line_above_the_last(inner: pytest.Pytester) -> None:
    inner.makepyfile(NEEDS_ROOT)
    lines = inner.runpytest_inprocess("-rs").outlines
    assert lines[-2] == "not run here: root 1 (set EVENTPROC_REQUIRE=root to make that a failure)"
    assert "1 passed, 1 skipped" in lines[-1]


def test_a_demanded_requirement_that_is_missing_fails_the_run(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEMAND, "netns,root")
    inner.makepyfile(NEEDS_ROOT)
    result = inner.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*requires root: *, and EVENTPROC_REQUIRE demands it*"])
    result.stdout.no_fnmatch_line("not run here*")


def test_a_run_that_lacks_nothing_adds_no_line(inner: pytest.Pytester) -> None:
    inner.makepyfile("def test_nothing(): pass")
    inner.runpytest_inprocess().stdout.no_fnmatch_line("not run here*")


def test_a_misspelt_requirement_stops_the_run_and_names_the_near_one(inner: pytest.Pytester) -> None:
    inner.makepyfile("import pytest\n@pytest.mark.requires('chromum')\ndef test_page(): pass")
    result = inner.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*nothing named 'chromum' can be required; did you mean 'chromium'?"])


def test_a_misspelt_demand_stops_the_run(inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DEMAND, "slurmm")
    inner.makepyfile("def test_nothing(): pass")
    result = inner.runpytest_inprocess()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*EVENTPROC_REQUIRE*'slurmm'*did you mean 'slurm'?"])


def test_the_cms_events_fixture_gives_the_folder_or_skips(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner.makepyfile("def test_real(cms_events): assert (cms_events / 'cms2012_ebhits.root').exists()")
    inner.runpytest_inprocess().assert_outcomes(skipped=1)
    inner.path.joinpath("cms2012_ebhits.root").write_bytes(b"root")
    monkeypatch.setenv(CMS_EVENTS, str(inner.path))
    inner.runpytest_inprocess().assert_outcomes(passed=1)


def test_long_versions_run_only_when_asked_for(inner: pytest.Pytester) -> None:
    inner.makepyfile("import pytest\n@pytest.mark.soak\ndef test_long(): pass\ndef test_short(): pass")
    inner.runpytest_inprocess().assert_outcomes(passed=1, deselected=1)
    inner.runpytest_inprocess("--soak").assert_outcomes(passed=2)


def test_a_failing_sample_says_how_to_repeat_it(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENTPROC_SEED", "1234")
    inner.makepyfile("def test_sample(sample_seed): assert sample_seed != 1234")
    result = inner.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["seed of sampling tests: 1234*", "EVENTPROC_SEED=1234 repeats this sample"])


def test_without_a_given_seed_two_runs_sample_differently(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENTPROC_SEED", raising=False)
    inner.makepyfile("def test_sample(sample_seed): print(f'<{sample_seed}>')")
    outputs = [inner.runpytest_inprocess("-s").stdout.str() for _ in range(2)]
    seeds = {output.split("<")[1].split(">")[0] for output in outputs}
    assert len(seeds) == 2


def test_a_test_may_print_what_is_no_text_in_whichever_process(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    inner.makepyfile("import logging\ndef test_bytes(): logging.warning('12\\udca03')")
    result = inner.runpytest_subprocess("-p", "xdist", "-p", "no:cacheprovider", "--numprocesses", "1")
    result.assert_outcomes(passed=1)


def test_processes_that_share_the_tests_take_the_seed_that_is_printed(
    inner: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EVENTPROC_SEED", raising=False)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))
    inner.makepyfile("def test_sample(sample_seed): assert False")
    result = inner.runpytest_subprocess("-p", "xdist", "-p", "no:cacheprovider", "--numprocesses", "2")
    printed, used = (
        re.findall(words, result.stdout.str()) for words in (r"sampling tests: (\d+)", r"SEED=(\d+)")
    )
    assert len(used) == 1
    assert used == printed


@pytest.mark.parametrize("text", ["root,netns", "root netns", " root , netns,", "netns,root,root"])
def test_demands_are_separated_by_commas_or_spaces(text: str) -> None:
    assert demanded({DEMAND: text}, REQUIREMENTS) == {"root", "netns"}


def test_an_unknown_demand_far_from_all_names_lists_them() -> None:
    with pytest.raises(UnknownRequirement, match="known: chromium, cms_events"):
        demanded({DEMAND: "zzz"}, REQUIREMENTS)


def test_the_closing_line_counts_by_name_and_ignores_other_skips() -> None:
    reasons = ["Skipped: " + skip_reason("root", "x")] * 3 + [skip_reason("chromium", "y"), "not on Windows"]
    assert closing_line(reasons).startswith(
        "not run here: chromium 1, root 3 (set EVENTPROC_REQUIRE=chromium,root "
    )
    assert required_name("not on Windows") is None


def test_a_folder_without_the_events_is_no_folder_of_events(tmp_path: Path) -> None:
    assert cms_events_folder({}) is None
    assert cms_events_folder({CMS_EVENTS: ""}) is None
    assert cms_events_folder({CMS_EVENTS: str(tmp_path)}) is None
    (tmp_path / "cms2012_ebhits.root").write_bytes(b"root")
    assert cms_events_folder({CMS_EVENTS: str(tmp_path)}) == tmp_path


def test_every_availability_check_answers_on_any_machine() -> None:
    answers = {name: requirement.is_available() for name, requirement in REQUIREMENTS.items()}
    assert all(isinstance(answer, bool) for answer in answers.values()), answers
