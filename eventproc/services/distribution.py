"""Distribution: count, mean, extremes and quantiles of times, in fixed memory, cheap to add to."""

from __future__ import annotations

from collections import defaultdict

# Each power of two is cut into this many bins: a bin is at most 1/32 of its value wide.
_BINS_PER_OCTAVE = 32
_MANTISSA_BITS = _BINS_PER_OCTAVE.bit_length()


class Distribution:
    """Times in integer nanoseconds; a quantile is good to 2 percent, everything else is exact."""

    __slots__ = ("_bins", "count", "max_ns", "min_ns", "total_ns")

    def __init__(self) -> None:
        self.count = 0
        self.total_ns = 0
        self.min_ns = 0
        self.max_ns = 0
        self._bins: defaultdict[int, int] = defaultdict(int)

    def add(self, time_ns: int) -> None:
        """Adds one time."""
        if time_ns > self.max_ns:
            self.max_ns = time_ns
        if time_ns < self.min_ns or not self.count:
            self.min_ns = time_ns
        self.count += 1
        self.total_ns += time_ns
        # The number with all but its leading bits cleared names the bin by its lower edge.
        drop = time_ns.bit_length() - _MANTISSA_BITS
        self._bins[time_ns >> drop << drop if drop > 0 else time_ns] += 1

    def absorb(self, other: Distribution) -> None:
        """Adds all times of another distribution."""
        if other.count:
            self.min_ns = min(self.min_ns, other.min_ns) if self.count else other.min_ns
            self.max_ns = max(self.max_ns, other.max_ns)
        self.count += other.count
        self.total_ns += other.total_ns
        for lower, n in other._bins.items():
            self._bins[lower] += n

    @property
    def mean_ns(self) -> float:
        """The mean; 0 of nothing."""
        return self.total_ns / self.count if self.count else 0.0

    def quantile_ns(self, fraction: float) -> float:
        """The time that a fraction of all times does not exceed, to 2 percent; 0 of nothing."""
        wanted, seen = fraction * self.count, 0
        for lower in sorted(self._bins):
            seen += self._bins[lower]
            if seen >= wanted:
                return min(max(lower + _width(lower) / 2, self.min_ns), self.max_ns)
        return float(self.max_ns)

    def summary_s(self) -> dict[str, float]:
        """Mean, extremes, p50 and p95 in seconds, under short names."""
        times_ns = {
            "Min": self.min_ns,
            "Max": self.max_ns,
            "Avg": self.mean_ns,
            "P50": self.quantile_ns(0.5),
            "P95": self.quantile_ns(0.95),
        }
        return {name: value * 1e-9 for name, value in times_ns.items()}


def _width(lower: int) -> int:
    drop = max(0, lower.bit_length() - _MANTISSA_BITS)
    # Below the first full octave every whole nanosecond is its own bin.
    return 1 << drop if drop else 0
