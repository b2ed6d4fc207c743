"""Fixtures of the server's tests."""

from collections.abc import Iterator

import pytest

from accelerator_server.backends.table import BACKENDS
from tests.accelerator_server.stub_backends import GATE, Gate

STUBS = "tests.accelerator_server.stub_backends"
CRASHING = "tests.accelerator_server.crashing_backends"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    """Makes the stub backends known; the gate of the gated ones is open."""
    for name in ("gated", "fragile", "mortal", "forgetful", "numbered"):
        monkeypatch.setitem(BACKENDS, name, f"{STUBS}:{name.capitalize()}Backend")
    yield GATE
    GATE.open()


@pytest.fixture
def crashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes the backends known that end their process; they are meant for processes of their own."""
    for name in ("crashing", "unloadable", "eternal"):
        monkeypatch.setitem(BACKENDS, name, f"{CRASHING}:{name.capitalize()}Backend")
