"""Counts and distributions for Prometheus as plain numbers, since only the event loop touches them.

The library's own take a lock and several calls each time; a request is counted ten times.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Count:
    """A number that grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1) -> None:
        """Adds to it."""
        self.value += amount


class Distribution:
    """How many values fell between bounds, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Counts a value; one on a bound belongs below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Counts(Collector):
    """Counts of one name that differ by their labels.

    Args:
        name: Without `_total`.
        text: What is counted.
        labels: Names of the labels.
        registry: Where Prometheus finds it.
    """

    def __init__(self, name: str, text: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._names = (name, text, labels)
        self.children: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The count with these labels."""
        return self.children.setdefault(values, Count())

    def remove(self, *values: str) -> None:
        """Shows it no more."""
        self.children.pop(values, None)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """What Prometheus reads."""
        name, text, labels = self._names
        family = CounterMetricFamily(name, text, labels=labels)
        for values, count in self.children.items():
            family.add_metric(values, count.value)
        yield family


class Distributions(Collector):
    """Distributions of one name that differ by their labels.

    Args:
        name: Of the metric.
        text: What is counted.
        bounds: Upper bounds, ascending.
        labels: Names of the labels.
        registry: Where Prometheus finds it.
    """

    def __init__(
        self,
        name: str,
        text: str,
        bounds: Sequence[float],
        labels: Sequence[str],
        registry: CollectorRegistry,
    ) -> None:
        self._names = (name, text, labels)
        self._bounds = bounds
        self._children: dict[tuple[str, ...], Distribution] = {}
        registry.register(self)

    def labels(self, *values: str) -> Distribution:
        """The distribution with these labels."""
        return self._children.setdefault(values, Distribution(self._bounds))

    def remove(self, *values: str) -> None:
        """Shows it no more."""
        self._children.pop(values, None)

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """What Prometheus reads: of each bound, how many values were not above it."""
        name, text, labels = self._names
        family = HistogramMetricFamily(name, text, labels=labels)
        for values, found in self._children.items():
            buckets = []
            n_below = 0
            for bound, count in zip([*found.bounds, math.inf], found.counts, strict=True):
                n_below += count
                buckets.append(("+Inf" if math.isinf(bound) else str(float(bound)), n_below))
            family.add_metric(values, buckets, found.total)
        yield family
