"""Tallies: Prometheus reads of them what it would read of its own library's metrics."""

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from accelerator_server.telemetry.tallies import Counts, Distributions

BOUNDS = (0.5, 1, 2.5)
labels = st.sampled_from(["a", "b", 'quoted "c"'])


def lines(registry: CollectorRegistry) -> set[str]:
    text = generate_latest(registry).decode()
    return {line for line in text.splitlines() if "_created" not in line}


@given(st.lists(st.tuples(labels, st.integers(0, 10))))
def test_counts_read_as_the_librarys_counters(amounts):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Counts("n", "Things", ("kind",), ours)
    reference = Counter("n", "Things", ("kind",), registry=theirs)
    for kind, amount in amounts:
        mine.labels(kind).inc(amount)
        reference.labels(kind).inc(amount)
    assert lines(ours) == lines(theirs)


@given(st.lists(st.tuples(labels, st.sampled_from([0, 0.25, 0.5, 0.75, 1, 2, 2.5, 3, 1e9]))))
def test_distributions_read_as_the_librarys_histograms(values):
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    mine = Distributions("t", "Times", BOUNDS, ("kind",), ours)
    reference = Histogram("t", "Times", ("kind",), buckets=BOUNDS, registry=theirs)
    for kind, value in values:
        mine.labels(kind).observe(value)
        reference.labels(kind).observe(value)
    assert lines(ours) == lines(theirs)


def test_what_is_removed_is_shown_no_more_and_begins_again_at_nothing():
    registry = CollectorRegistry()
    counts = Counts("n", "Things", ("kind",), registry)
    distributions = Distributions("t", "Times", BOUNDS, ("kind",), registry)
    counts.labels("a").inc()
    distributions.labels("a").observe(1)
    counts.remove("a")
    distributions.remove("a")
    assert not [line for line in lines(registry) if not line.startswith("#")]
    assert counts.labels("a").value == 0
    assert distributions.labels("a").total == 0
    counts.remove("b")
    distributions.remove("b")
