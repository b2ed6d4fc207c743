"""Yields simulated collisions: hadronic top pairs or QCD dijets from Pythia, seen by the ECAL barrel."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from producers.samples.fast_simulation import BarrelSimulation, Particles

QCD_PROCESS: Final = 0
TOP_PROCESS: Final = 1
MAX_PYTHIA_SEED: Final = 900_000_000
"""Largest seed Pythia takes (manual, "Random-Number Seed")."""

_PROCESS_SETTINGS: Final = {
    "QCD": ("HardQCD:all = on",),
    "top": ("Top:gg2ttbar = on", "Top:qqbar2ttbar = on", "24:onMode = off", "24:onIfAny = 1 2 3 4 5"),
}
_PROCESS_NUMBERS: Final = {"QCD": QCD_PROCESS, "top": TOP_PROCESS}
_COMMON_SETTINGS: Final = (
    "Print:quiet = on",
    "Beams:eCM = 13000",
    "ParticleDecays:limitTau0 = on",
    "ParticleDecays:tau0Max = 10",
    "Random:setSeed = on",
)
_MAX_FAILURES_IN_A_ROW: Final = 100


class GenerationError(RuntimeError):
    """Pythia is missing, refuses its settings, or cannot make events."""


@dataclass(frozen=True, slots=True)
class SimulatedEvent:
    """One event: hits of the barrel, and the hard partons they come from.

    Attributes:
        rawId: uint32, (n_hits,), EBDetId raw ids in the order of ``hashed_index``.
        energy: float32, (n_hits,), GeV.
        time: float32, (n_hits,), ns.
        flags: uint32, (n_hits,), EcalRecHit flag bits.
        parton_pdgId: int32, (n_partons,), top quarks before their decay, or the outgoing partons of 2 -> 2.
        parton_pt: float32, (n_partons,), GeV.
        parton_eta: float32, (n_partons,).
        parton_phi: float32, (n_partons,), radians.
        process: int32 scalar, 1 for top pairs, 0 for QCD.
    """

    rawId: npt.NDArray[np.uint32]
    energy: npt.NDArray[np.float32]
    time: npt.NDArray[np.float32]
    flags: npt.NDArray[np.uint32]
    parton_pdgId: npt.NDArray[np.int32]
    parton_pt: npt.NDArray[np.float32]
    parton_eta: npt.NDArray[np.float32]
    parton_phi: npt.NDArray[np.float32]
    process: np.int32


@dataclass(frozen=True, slots=True)
class EventGenerator:
    """Makes events of one process; a value, so that equal generators yield equal events.

    Attributes:
        process: "top" (gg and qqbar to top pairs, both W bosons to quarks) or "QCD" (all 2 -> 2 QCD
            processes).
        seed: Not negative. Fixes every event.
        pt_hat_min: Smallest transverse momentum of the hard process, GeV.
        pt_hat_max: Largest one, GeV.
        max_parton_eta: An event is kept if a hard parton is closer than this to the transverse plane.
        pileup: Mean number of soft collisions laid over each event (Poisson), 0 for none.
        simulation: Constants of the detector.
    """

    process: str
    seed: int
    pt_hat_min: float = 500.0
    pt_hat_max: float = 700.0
    max_parton_eta: float = 1.0
    pileup: float = 0.0
    simulation: BarrelSimulation = field(default_factory=BarrelSimulation)

    def __post_init__(self) -> None:
        """Refuses what Pythia would refuse late or not at all."""
        if self.process not in _PROCESS_SETTINGS:
            message = f"no process {self.process!r} to generate; there are {', '.join(_PROCESS_SETTINGS)}"
            raise ValueError(message)
        if self.seed < 0 or self.pileup < 0 or not 0 < self.pt_hat_min < self.pt_hat_max:
            message = (
                f"cannot generate with seed={self.seed}, pileup={self.pileup}, "
                f"pt_hat_min={self.pt_hat_min}, pt_hat_max={self.pt_hat_max}: "
                "seed and pileup must not be negative, and 0 < pt_hat_min < pt_hat_max"
            )
            raise ValueError(message)

    def events(self) -> Iterator[SimulatedEvent]:
        """Yields events without end; equal generators yield the same ones.

        Raises:
            GenerationError: pythia8mc is not installed, refuses a setting, or fails on many events in a row.
        """
        pythia_seed, pileup_seed, detector_seed = np.random.SeedSequence(self.seed).generate_state(3)
        random = np.random.default_rng(detector_seed)
        hard_process = (
            *_PROCESS_SETTINGS[self.process],
            f"PhaseSpace:pTHatMin = {self.pt_hat_min}",
            f"PhaseSpace:pTHatMax = {self.pt_hat_max}",
        )
        collisions = _collisions(hard_process, int(pythia_seed))
        soft = _collisions(("SoftQCD:inelastic = on",), int(pileup_seed)) if self.pileup else iter(())
        for record in collisions:
            partons = _hard_partons(record, self.process)
            if not (np.abs(partons[2]) < self.max_parton_eta).any():
                continue
            rows = _final_particles(record)
            for _ in range(random.poisson(self.pileup) if self.pileup else 0):
                rows.extend(_final_particles(next(soft)))
            hits = self.simulation.simulate(_as_particles(rows), random)
            yield SimulatedEvent(
                rawId=hits.rawId,
                energy=hits.energy,
                time=hits.time,
                flags=hits.flags,
                parton_pdgId=partons[0].astype(np.int32),
                parton_pt=partons[1].astype(np.float32),
                parton_eta=partons[2].astype(np.float32),
                parton_phi=partons[3].astype(np.float32),
                process=np.int32(_PROCESS_NUMBERS[self.process]),
            )


def _collisions(settings: tuple[str, ...], seed: int) -> Iterator[Any]:
    """Yields Pythia's event record after each collision; the record is reused, read it before the next."""
    pythia = _start_pythia(settings, seed)
    failures = 0
    while failures < _MAX_FAILURES_IN_A_ROW:
        if pythia.next():
            failures = 0
            yield pythia.event
        else:
            failures += 1
    message = f"Pythia failed on {failures} events in a row with settings {', '.join(settings)}"
    raise GenerationError(message)


def _start_pythia(settings: tuple[str, ...], seed: int) -> Any:
    try:
        # An optional library (extra "samples", GPL): nobody who only reads events needs it.
        import pythia8mc  # noqa: PLC0415
    except ImportError as error:
        message = "making events needs Pythia: pip install 'eventproc[samples]' (pythia8mc==8.317.2)"
        raise GenerationError(message) from error
    pythia = pythia8mc.Pythia("", False)
    for setting in (*_COMMON_SETTINGS, f"Random:seed = {1 + seed % MAX_PYTHIA_SEED}", *settings):
        if not pythia.readString(setting):
            message = f"Pythia does not take the setting {setting!r}"
            raise GenerationError(message)
    if not pythia.init():
        message = f"Pythia does not start with the settings {', '.join(settings)}"
        raise GenerationError(message)
    return pythia


def _hard_partons(record: Any, process: str) -> tuple[npt.NDArray[np.float64], ...]:
    """Gives pdg_id, pt, eta and phi of the two outgoing partons of the hard process.

    Lines 5 and 6 of Pythia's record are the outgoing partons of a 2 -> 2 process; a top quark is followed
    to its last copy, after radiation and before its decay.
    """
    lines = [record[5].iBotCopyId(), record[6].iBotCopyId()] if process == "top" else [5, 6]
    partons = [record[line] for line in lines]
    columns = zip(*((p.id(), p.pT(), p.eta(), p.phi()) for p in partons), strict=True)
    return tuple(np.array(column, np.float64) for column in columns)


def _final_particles(record: Any) -> list[tuple[float, ...]]:
    return [(p.id(), p.charge(), p.pT(), p.eta(), p.phi(), p.e()) for p in record if p.isFinal()]


def _as_particles(rows: list[tuple[float, ...]]) -> Particles:
    table = np.array(rows, np.float64).reshape(-1, 6)
    return Particles(
        pdg_id=table[:, 0].astype(np.int32),
        charge=table[:, 1],
        pt=table[:, 2],
        eta=table[:, 3],
        phi=table[:, 4],
        energy=table[:, 5],
    )
