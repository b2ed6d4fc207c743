"""Chooses the calorimeter hits that jets and images are made of, and counts what it drops and why."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import is_barrel_id

BoolArray = npt.NDArray[np.bool_]


class Severity(IntEnum):
    """How far a hit can be trusted (``EcalSeverityLevel``)."""

    GOOD = 0
    PROBLEMATIC = 1
    RECOVERED = 2
    TIME = 3
    WEIRD = 4
    BAD = 5


GOOD_BIT: Final = 0x1
"""``EcalRecHit::kGood`` is flag bit 0."""
_MASKS: Final = (
    (Severity.PROBLEMATIC, 0x72),
    (Severity.RECOVERED, 0x380),
    (Severity.TIME, 0x4),
    (Severity.WEIRD, 0xC000),
    (Severity.BAD, 0xC08),
)
"""Flag bits of each level, from ``EcalSeverityLevelESProducer_cfi``, mildest first."""


@dataclass(frozen=True, slots=True)
class DroppedHits:
    """How many hits were dropped; each hit counts once, under the first reason that applies, in this order.

    Attributes:
        invalid_id: The raw id names no barrel crystal (endcap, preshower, damaged).
        not_finite: The energy is NaN or infinite.
        negative: The energy is 0 or less: noise below the pedestal.
        below_threshold: The energy is at or below the threshold.
        bad_severity: The hit is Weird (a spike) or Bad (faulty, dead or killed channel).
        out_of_time: The hit is out of time and above the energy from which that matters.
    """

    invalid_id: int
    not_finite: int
    negative: int
    below_threshold: int
    bad_severity: int
    out_of_time: int

    @property
    def total(self) -> int:
        """All hits dropped."""
        return sum(getattr(self, name) for name in self.__slots__)


@dataclass(frozen=True, slots=True)
class RecHitSelection:
    """The usual cleaning of barrel hits.

    Attributes:
        energy_min: Hits at or below it are dropped, GeV; 0.25 GeV is six standard deviations of barrel noise.
        severity_max: Hits of a severity above it are dropped.
        time_energy_min: From this energy on an out-of-time hit is not taken for a real one, GeV
            (``EcalSeverityLevelESProducer_cfi``, timeThresh).
    """

    energy_min: float = 0.25
    severity_max: Severity = Severity.RECOVERED
    time_energy_min: float = 2.0

    def select(
        self, raw_id: npt.ArrayLike, energy: npt.ArrayLike, flags: npt.ArrayLike | None = None
    ) -> tuple[BoolArray, DroppedHits]:
        """Selects hits.

        Args:
            raw_id: uint32, (n_hits,), EBDetId raw ids.
            energy: float32, (n_hits,), GeV.
            flags: uint32, (n_hits,), EcalRecHit flag bits; a layout without flags means that all are Good.

        Returns:
            Which hits are kept (bool, (n_hits,)), and the count of the others by reason.

        Raises:
            ValueError: The columns differ in length.
            TypeError: The ids are not numbers.
        """
        energies = np.asarray(energy, np.float64)
        identified = is_barrel_id(raw_id)
        bits = (
            np.full(energies.shape, GOOD_BIT, np.int64)
            if flags is None
            else np.asarray(flags).astype(np.int64)
        )
        if not energies.shape == identified.shape == bits.shape:
            message = (
                f"cannot select among {identified.shape} ids, {energies.shape} energies, {bits.shape} flags"
            )
            raise ValueError(message)
        severity = severity_levels(bits, energies, self.time_energy_min)
        too_severe = severity > self.severity_max
        reasons = {
            "invalid_id": ~identified,
            "not_finite": ~np.isfinite(energies),
            "negative": energies <= 0,
            "below_threshold": energies <= self.energy_min,
            "bad_severity": too_severe & (severity >= Severity.WEIRD),
            "out_of_time": too_severe,
        }
        kept = np.ones(energies.shape, np.bool_)
        counts = {}
        for reason, applies in reasons.items():
            counts[reason] = int(np.count_nonzero(kept & applies))
            kept &= ~applies
        return kept, DroppedHits(**counts)


def severity_levels(
    flags: npt.ArrayLike, energy: npt.ArrayLike, time_energy_min: float = 2.0
) -> npt.NDArray[np.int64]:
    """Ranks hits as ``EcalSeverityLevelAlgo::severityLevel`` does.

    A hit with the Good bit is Good whatever else is set. Of the others the worst level counts whose mask
    matches; Time only from ``time_energy_min`` on. A hit that matches nothing is Good.

    Args:
        flags: uint32, (n_hits,), EcalRecHit flag bits.
        energy: (n_hits,), GeV.
        time_energy_min: GeV.

    Returns:
        int64, (n_hits,), values of ``Severity``.
    """
    bits, energies = np.asarray(flags).astype(np.int64), np.asarray(energy, np.float64)
    severity = np.zeros(bits.shape, np.int64)
    for level, mask in _MASKS:
        matches = (bits & mask) != 0
        if level is Severity.TIME:
            matches &= energies >= time_energy_min
        severity[matches] = level
    severity[(bits & GOOD_BIT) != 0] = Severity.GOOD
    return severity
