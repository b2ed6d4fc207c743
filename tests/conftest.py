"""Markers, options and fixtures of all tests: requirements, soak runs, and the seed of sampling tests."""

from __future__ import annotations

import gc
import importlib
import os
import random
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.requirements import (
    REQUIREMENTS,
    UnknownRequirement,
    check_names,
    closing_line,
    cms_events_folder,
    demanded,
    skip_reason,
)

pytest_plugins = ["pytester"]

# On a busy machine a slow example is no failure; what failed can be repeated from its output alone.
hypothesis.settings.register_profile("eventproc", deadline=None, print_blob=True)
hypothesis.settings.load_profile("eventproc")

SEED = "EVENTPROC_SEED"

_demanded = pytest.StashKey[frozenset[str]]()
_seed = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long versions of sampling tests too")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "requires(*names): skipped where the machine lacks one of the names")
    config.addinivalue_line("markers", "soak: the long version of a test; runs only with --soak")
    try:
        config.stash[_demanded] = demanded(os.environ, REQUIREMENTS)
    except UnknownRequirement as error:
        raise pytest.UsageError(str(error)) from None
    # Of several processes that share the tests each is told the seed that the first one prints.
    told = getattr(config, "workerinput", {}).get(SEED)
    config.stash[_seed] = int(told or os.environ.get(SEED) or random.SystemRandom().randrange(2**32))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[SEED] = str(node.config.stash[_seed])


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed of sampling tests: {config.stash[_seed]} (set {SEED} to repeat it)"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        try:
            check_names(_required_by(item), REQUIREMENTS, item.nodeid)
        except UnknownRequirement as error:
            raise pytest.UsageError(str(error)) from None
    if not config.getoption("--soak"):
        soaks = [item for item in items if item.get_closest_marker("soak")]
        config.hook.pytest_deselected(items=soaks)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]
    if any("opencl" in _required_by(item) for item in items):
        _find_opencl_devices()


# The modules of all tests are 700,000 objects: a full collection took half a second, and deadlines passed.
@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    gc.collect()
    gc.freeze()


def _find_opencl_devices() -> None:
    # Of a process that loads OpenVINO first Intel's runtime has none, and tests come in any order.
    if REQUIREMENTS["opencl"].is_available():
        pyopencl = importlib.import_module("pyopencl")
        for platform in pyopencl.get_platforms():
            platform.get_devices()


# What tests print may be any text, and processes that share them exchange UTF-8 only.
@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report


def _required_by(item: pytest.Item) -> list[str]:
    return [name for marker in item.iter_markers("requires") for name in marker.args]


def pytest_runtest_setup(item: pytest.Item) -> None:
    for name in _required_by(item):
        _need(name, item.config)


def _need(name: str, config: pytest.Config) -> None:
    requirement = REQUIREMENTS[name]
    if requirement.is_available():
        return
    reason = skip_reason(name, requirement.missing)
    if name in config.stash[_demanded]:
        pytest.fail(f"{reason}, and EVENTPROC_REQUIRE demands it", pytrace=False)
    pytest.skip(reason)


# Outermost, so that the line stands after the list of skipped tests, right above pytest's own last line.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    yield
    reports = terminalreporter.stats.get("skipped", [])
    reasons = [report.longrepr[2] for report in reports if isinstance(report.longrepr, tuple)]
    if line := closing_line(reasons):
        terminalreporter.write_line(line, yellow=True)


@pytest.fixture(scope="session")
def cms_events(request: pytest.FixtureRequest) -> Path:
    """The folder of real CMS events; skips the test where there are none."""
    _need("cms_events", request.config)
    folder = cms_events_folder(os.environ)
    assert folder is not None
    return folder


@pytest.fixture
def sample_seed(request: pytest.FixtureRequest) -> int:
    """The seed that a sampling test must use; printed with the test's output when it fails."""
    seed = request.config.stash[_seed]
    print(f"{SEED}={seed} repeats this sample")
    return seed
