"""A job of many events needs no more memory at its end than at its middle."""

import pytest

from eventproc.services.resource_use import MemoryUse
from tests.eventproc.runtime.conftest import job, module, path
from tests.eventproc.runtime.modules import MemoryAt

ALLOWED = 1.02
"""Growth from the middle to the end of a job."""


def grow(run, n):
    """Runs n events with products, a filter and an output."""
    components = [
        module("EDProducer", "AddQuietly", "a"),
        module("EDProducer", "AddQuietly", "b", input="a"),
        module("EDFilter", "OddFilter", "odd"),
        module("OutputModule", "Sink", "out"),
        module("Service", "MemoryAt", "MemoryAt", index=n // 2),
    ]
    report = run(
        job(
            *components,
            paths=[path("p", "a", "b"), path("q", "odd"), path("e", "out", kind="EndPath")],
            source=module("Source", "CountingSource", "source", n=n),
            streams=4,
        )
    )
    assert report.exit_code == 0, report.errors
    assert report.events_written == n
    end_mb = MemoryUse.now().rss_mb
    assert 0 < end_mb <= ALLOWED * MemoryAt.rss_mb, f"{MemoryAt.rss_mb:.1f} MB grew to {end_mb:.1f} MB"


def test_memory_does_not_grow_over_50_000_events(run, log):
    grow(run, 50_000)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_memory_does_not_grow_over_a_million_events(run, log):
    grow(run, 1_000_000)
