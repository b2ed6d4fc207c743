"""Turns final-state particles into hits of the ECAL barrel, with its simplifications written down.

What is simplified, beside the true detector:

- no material before the calorimeter: no conversions, no bremsstrahlung, no nuclear interactions in the
  tracker;
- hadron showers have an energy and a width but no shape in depth, and deposit independently of each other;
- every crystal has the same noise and is read out alone (zero suppression by threshold, no selective readout
  of whole towers, so no energies below the threshold and no negative ones);
- no spikes, dead channels, saturation or miscalibration: every hit is flagged Good;
- a hit's time is that of light from the origin, smeared: no late or looping particles, one bunch crossing.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import (
    BARREL_RADIUS_M,
    CRYSTAL_ETA,
    CRYSTAL_RAW_ID,
    N_CRYSTALS,
    N_ETA_ROWS,
    N_PHI_COLUMNS,
)

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

GOOD_FLAG: Final = 1
"""``EcalRecHit::kGood`` is bit 0."""
PHOTON: Final = 22
ELECTRON: Final = 11
MUON: Final = 13
INVISIBLE: Final = (12, 14, 16, 1000022)
"""Absolute PDG codes that leave nothing: neutrinos and the lightest neutralino."""

_HALF_CLUSTER: Final = 2
_FIRST_COLUMN_DEGREES: Final = 9.5
_ETA_OF_ROW: Final = CRYSTAL_ETA[::N_PHI_COLUMNS]
_STANDARD_DEVIATIONS: Final = np.linspace(-6.0, 6.0, 2401)
_NORMAL_CDF: Final = np.array([0.5 * (1.0 + math.erf(x / math.sqrt(2.0))) for x in _STANDARD_DEVIATIONS])


@dataclass(frozen=True, slots=True)
class Particles:
    """Final-state particles of one event, each field (n,).

    Attributes:
        pdg_id: int32, PDG codes.
        charge: float64, in units of the positron's.
        pt: float64, GeV.
        eta: float64, pseudorapidity of the momentum, taken from the origin.
        phi: float64, radians.
        energy: float64, GeV.
    """

    pdg_id: npt.NDArray[np.int32]
    charge: FloatArray
    pt: FloatArray
    eta: FloatArray
    phi: FloatArray
    energy: FloatArray


@dataclass(frozen=True, slots=True)
class Hits:
    """Hits of one event, each field (n,), ordered by hashed index.

    Attributes:
        rawId: uint32, EBDetId raw ids.
        energy: float32, GeV.
        time: float32, ns.
        flags: uint32, EcalRecHit flag bits.
    """

    rawId: npt.NDArray[np.uint32]
    energy: npt.NDArray[np.float32]
    time: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class ShowerShape:
    """Lateral profile: a core and a halo, both Gaussian, widths in crystals."""

    core_width: float
    halo_width: float
    core_share: float


@dataclass(frozen=True, slots=True)
class BarrelSimulation:
    """Constants of the fast simulation, GeV and metres where nothing else is said.

    Attributes:
        magnetic_field_t: CMS solenoid (JINST 3 S08004).
        stochastic_term: Energy resolution of electromagnetic showers, times 1/sqrt(E) (JINST 2 P04004: 2.8%).
        constant_term: Energy resolution at high energy (same source: 0.3%; here with intercalibration).
        passing_probability: Hadrons that cross the crystals (about one interaction length) without a shower.
        minimum_ionising_energy: Lowest energy left by a crossing particle over 23 cm of lead tungstate.
        minimum_ionising_spread: Scale of the exponential tail above it.
        hadron_alpha, hadron_beta: Beta distribution of the share that a showering hadron leaves in the ECAL.
        electromagnetic_shape: Central crystal 80% of 5x5 for a central impact (JINST 2 P04004: 78-80%).
        hadronic_shape: Wider, as hadron showers start late and scatter.
        noise: Standard deviation per crystal.
        threshold: Zero suppression: hits at or below it are not kept.
        time_noise_ns: Time resolution times E / noise (CMS CFT-09-006: 35 ns).
        time_constant_ns: Time resolution at high energy, one clock for the whole barrel.
        energy_bits: Bits of an energy that are kept, far finer than the resolution: a file of hits is a
            third smaller.
        time_bits: The same for times.
    """

    magnetic_field_t: float = 3.8
    stochastic_term: float = 0.03
    constant_term: float = 0.004
    passing_probability: float = 0.35
    minimum_ionising_energy: float = 0.25
    minimum_ionising_spread: float = 0.05
    hadron_alpha: float = 1.3
    hadron_beta: float = 1.6
    electromagnetic_shape: ShowerShape = ShowerShape(0.25, 0.9, 0.85)
    hadronic_shape: ShowerShape = ShowerShape(0.6, 1.6, 0.6)
    noise: float = 0.040
    threshold: float = 0.100
    time_noise_ns: float = 35.0
    time_constant_ns: float = 0.2
    energy_bits: int = 10
    time_bits: int = 6

    def simulate(self, particles: Particles, random: np.random.Generator) -> Hits:
        """Simulates one event.

        Args:
            particles: Everything that leaves the collision and lives to reach the calorimeter.
            random: Source of every random number drawn; the same state gives the same hits.

        Returns:
            The crystals above threshold.
        """
        eta, phi, arrives = impact_points(particles, self.magnetic_field_t)
        code = np.abs(particles.pdg_id)
        arrives &= ~np.isin(code, INVISIBLE) & (particles.energy > 0)
        eta, phi, code, energy = eta[arrives], phi[arrives], code[arrives], particles.energy[arrives]
        showers = (code == PHOTON) | (code == ELECTRON)
        deposit, spread_as_hadron = self._deposits(code, energy, showers, random)
        signal = np.zeros(N_CRYSTALS)
        for chosen, shape in (
            (~spread_as_hadron, self.electromagnetic_shape),
            (spread_as_hadron, self.hadronic_shape),
        ):
            signal += shower_energies(eta[chosen], phi[chosen], deposit[chosen], shape)
        return self._read_out(signal, random)

    def _deposits(
        self, code: IntArray, energy: FloatArray, showers: BoolArray, random: np.random.Generator
    ) -> tuple[FloatArray, BoolArray]:
        """Draws the energy each particle leaves, and whether it spreads as a hadron shower does."""
        size = len(energy)
        resolution = np.hypot(self.stochastic_term * np.sqrt(energy), self.constant_term * energy)
        electromagnetic = np.maximum(energy + resolution * random.standard_normal(size), 0.0)
        ionisation = self.minimum_ionising_energy + random.exponential(self.minimum_ionising_spread, size)
        hadronic = energy * random.beta(self.hadron_alpha, self.hadron_beta, size)
        passes = (random.random(size) < self.passing_probability) | (code == MUON)
        other = np.where(passes, np.minimum(ionisation, energy), hadronic)
        deposit = np.where(showers, electromagnetic, other)
        return deposit, ~showers & ~passes

    def _read_out(self, signal: FloatArray, random: np.random.Generator) -> Hits:
        """Adds noise to every crystal and keeps those above threshold."""
        measured = signal + self.noise * random.standard_normal(N_CRYSTALS)
        index = np.flatnonzero(measured > self.threshold)
        energy = measured[index]
        resolution = np.hypot(self.time_noise_ns * self.noise / energy, self.time_constant_ns)
        time = resolution * random.standard_normal(len(energy))
        return Hits(
            rawId=CRYSTAL_RAW_ID[index],
            energy=keep_bits(energy, self.energy_bits).astype(np.float32),
            time=keep_bits(time, self.time_bits).astype(np.float32),
            flags=np.full(len(index), GOOD_FLAG, np.uint32),
        )


def keep_bits(values: FloatArray, bits: int) -> FloatArray:
    """Rounds to so many significant bits.

    Args:
        values: float64, (n,).
        bits: 1 to 52.
    """
    fraction, exponent = np.frexp(values)
    kept: FloatArray = np.ldexp(np.round(np.ldexp(fraction, bits)), exponent - bits)
    return kept


def impact_points(particles: Particles, magnetic_field_t: float) -> tuple[FloatArray, FloatArray, BoolArray]:
    """Follows particles from the origin along helices to the face of the barrel.

    A particle of transverse momentum pt [GeV] and charge q turns with radius R = pt / (0.3 |q| B) [m]; it
    meets the cylinder of radius r after the angle a = asin(r / 2R), displaced by -sign(q) a in phi, if 2R >
    r.

    Args:
        particles: Final-state particles.
        magnetic_field_t: Field along the beam, tesla.

    Returns:
        eta, phi of the impact (float64, (n,)), and which particles arrive within the barrel (bool, (n,)).
    """
    turning = 0.3 * np.abs(particles.charge) * magnetic_field_t / np.maximum(particles.pt, 1e-9)
    sine = 0.5 * BARREL_RADIUS_M * turning
    angle = np.arcsin(np.minimum(sine, 1.0))
    stretch = np.where(angle > 1e-6, angle / np.maximum(np.sin(angle), 1e-12), 1.0)
    eta = np.arcsinh(np.sinh(np.clip(particles.eta, -8.0, 8.0)) * stretch)
    phi = particles.phi - np.sign(particles.charge) * angle
    edge = float(_ETA_OF_ROW[-1] + 0.5 * (_ETA_OF_ROW[-1] - _ETA_OF_ROW[-2]))
    return eta, phi, (sine < 1.0) & (np.abs(eta) < edge)


def shower_energies(eta: FloatArray, phi: FloatArray, deposit: FloatArray, shape: ShowerShape) -> FloatArray:
    """Spreads deposits over the 5x5 crystals around each impact.

    The gaps between modules are ignored: a shower is as wide, in crystals, everywhere.

    Args:
        eta: float64, (n,), of the impacts.
        phi: float64, (n,), of the impacts, radians.
        deposit: float64, (n,), GeV.
        shape: Lateral profile.

    Returns:
        float64, (61200,), GeV by hashed index. What falls beyond the ends of the barrel is lost; what falls
        beyond 5x5 is shared by the 25 crystals in proportion.
    """
    row = _extrapolated_row(eta)
    column = np.degrees(phi) + _FIRST_COLUMN_DEGREES
    centre_row, centre_column = np.round(row).astype(np.int64), np.round(column).astype(np.int64)
    offsets = np.arange(-_HALF_CLUSTER, _HALF_CLUSTER + 1)
    share = np.zeros((len(eta), len(offsets), len(offsets)))
    for width, weight in ((shape.core_width, shape.core_share), (shape.halo_width, 1.0 - shape.core_share)):
        in_eta = _interval_shares(row - centre_row, offsets, width)
        in_phi = _interval_shares(column - centre_column, offsets, width)
        share += weight * in_eta[:, :, None] * in_phi[:, None, :]
    share *= (deposit / np.maximum(share.sum(axis=(1, 2)), 1e-12))[:, None, None]
    rows = np.broadcast_to(centre_row[:, None, None] + offsets[None, :, None], share.shape)
    columns = (centre_column[:, None, None] + offsets[None, None, :]) % N_PHI_COLUMNS
    inside = (rows >= 0) & (rows < N_ETA_ROWS)
    index = (rows * N_PHI_COLUMNS + columns)[inside]
    energies: FloatArray = np.bincount(index, weights=share[inside], minlength=N_CRYSTALS).astype(np.float64)
    return energies


def _extrapolated_row(eta: FloatArray) -> FloatArray:
    """Gives the place among the 170 eta rows, with fractions, and half a row beyond either end."""
    rows = np.arange(-1.0, N_ETA_ROWS + 1.0)
    step = _ETA_OF_ROW[-1] - _ETA_OF_ROW[-2]
    edges = np.concatenate([[_ETA_OF_ROW[0] - step], _ETA_OF_ROW, [_ETA_OF_ROW[-1] + step]])
    place: FloatArray = np.interp(eta, edges, rows)
    return place


def _interval_shares(position: FloatArray, offsets: IntArray, width: float) -> FloatArray:
    """Integrates a Gaussian around ``position`` over unit cells centred on ``offsets``: (n, n_offsets)."""
    edges = np.append(offsets - 0.5, offsets[-1] + 0.5)
    cumulative = np.interp((edges[None, :] - position[:, None]) / width, _STANDARD_DEVIATIONS, _NORMAL_CDF)
    shares: FloatArray = np.diff(cumulative, axis=1)
    return shares
