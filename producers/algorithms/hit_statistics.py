"""Summarises the hits of many events, so that two samples of events can be compared."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import N_ETA_ROWS, N_PHI_COLUMNS, hashed_index
from producers.algorithms.tagging_metrics import Measured

FloatArray = npt.NDArray[np.float64]

TOWER_CRYSTALS: Final = 5
"""Crystals of a trigger tower in eta and in phi (CMS, JINST 3 S08004, section 4)."""


@dataclass(frozen=True, slots=True)
class HitSample:
    """Hits of many events, those of event i follow those of event i - 1.

    Attributes:
        counts: int64, (n_events,), hits of each event.
        rawId: uint32, (sum of counts,), EBDetId raw ids.
        energy: float32, (sum of counts,), GeV.
        time: float32, (sum of counts,), ns.
    """

    counts: npt.NDArray[np.int64]
    rawId: npt.NDArray[np.uint32]
    energy: npt.NDArray[np.float32]
    time: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Counts the events."""
        return len(self.counts)

    def multiplicities(self, energy_min: float) -> npt.NDArray[np.int64]:
        """Counts hits above an energy [GeV] in each event: int64, (n_events,)."""
        event = np.repeat(np.arange(len(self)), self.counts)
        return np.bincount(event[self.energy > energy_min], minlength=len(self)).astype(np.int64)

    def mean_multiplicity(self, energy_min: float) -> Measured:
        """Gives the mean number of hits above an energy [GeV]; its error is that of the spread of events."""
        n_hits = self.multiplicities(energy_min)
        error = float(n_hits.std(ddof=1)) / math.sqrt(len(self)) if len(self) > 1 else math.nan
        return Measured(float(n_hits.mean()), error)

    def spectrum(self, edges: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Counts hits per event in bins of energy.

        Args:
            edges: (n_bins + 1,), GeV, rising.

        Returns:
            Hits per event, and their error from the spread of events, float64, (n_bins,) each.
        """
        limits = np.asarray(edges, np.float64)
        event = np.repeat(np.arange(len(self)), self.counts)
        ranges = np.arange(len(self) + 1) - 0.5
        table, _, _ = np.histogram2d(event, self.energy, bins=(ranges, limits))
        error: FloatArray = table.std(axis=0, ddof=1 if len(self) > 1 else 0) / math.sqrt(len(self))
        return table.mean(axis=0), error

    def tower_occupancy(self, energy_min: float) -> FloatArray:
        """Counts hits per event above an energy [GeV], summed over towers of 5 x 5 crystals.

        Returns:
            float64, (34, 72), rows are rising eta, columns are rising iphi.
        """
        index = hashed_index(self.rawId[self.energy > energy_min])
        crystals = np.bincount(index[index >= 0], minlength=N_ETA_ROWS * N_PHI_COLUMNS)
        size = TOWER_CRYSTALS
        towers = crystals.reshape(N_ETA_ROWS // size, size, N_PHI_COLUMNS // size, size).sum(axis=(1, 3))
        per_event: FloatArray = towers / len(self)
        return per_event

    def time_quantiles(self, energy_min: float, energy_max: float) -> tuple[float, float, float]:
        """Gives the 16%, 50% and 84% quantiles of the times [ns] of hits in a range of energy [GeV]."""
        chosen = self.time[(self.energy > energy_min) & (self.energy <= energy_max)]
        if not len(chosen):
            return math.nan, math.nan, math.nan
        low, middle, high = np.quantile(chosen, (0.16, 0.5, 0.84))
        return float(low), float(middle), float(high)
