"""Percentiles of any number of durations in constant memory."""

import math

from inference_client.statistics import Percentiles

_BUCKETS_PER_DOUBLING = 14
"""Neighbouring buckets differ by 5 %, which bounds the error of a percentile."""
_SHORTEST_S = 1e-6


class LatencyHistogram:
    """Counts durations in buckets of equal ratio."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}
        self._n = 0

    def add(self, duration_s: float) -> None:
        """Counts one duration."""
        bucket = math.ceil(_BUCKETS_PER_DOUBLING * math.log2(max(duration_s, _SHORTEST_S) / _SHORTEST_S))
        self._counts[bucket] = self._counts.get(bucket, 0) + 1
        self._n += 1

    def percentile_s(self, percent: float) -> float:
        """Duration that `percent` of all do not exceed, at most 5 % too long; 0 if there are none."""
        wanted = math.ceil(self._n * percent / 100)
        seen = 0
        for bucket in sorted(self._counts):
            seen += self._counts[bucket]
            if seen >= wanted:
                return float(_SHORTEST_S * 2 ** (bucket / _BUCKETS_PER_DOUBLING))
        return 0.0

    def percentiles(self) -> Percentiles:
        """The three percentiles that people ask for."""
        return Percentiles(self.percentile_s(50), self.percentile_s(95), self.percentile_s(99))
