"""Makes small ROOT files in the flat layout that tests feed to jobs."""

from collections.abc import Iterable
from pathlib import Path

import awkward as ak
import numpy as np
import uproot

from producers.algorithms.ecal_geometry import encode_raw_id

Hits = tuple[np.ndarray, np.ndarray]
"""raw ids and energies of one event"""


def jet_hits(ieta: int = 10, iphi: int = 50, energy: float = 30.0, width: int = 4) -> Hits:
    """A square of crystals that clusters into one jet of about width^2 * energy / cosh(eta) GeV."""
    etas, phis = np.meshgrid(np.arange(ieta, ieta + width), np.arange(iphi, iphi + width))
    raw_id = encode_raw_id(etas.ravel(), phis.ravel())
    return raw_id, np.linspace(0.5 * energy, 1.5 * energy, len(raw_id), dtype=np.float32)


def write_flat(path: Path, events: Iterable[Hits], *, first_event: int = 1, without: str = "") -> Path:
    """Writes events in the default flat layout, optionally without one branch."""
    hits = list(events)
    rec_hits = {
        "rawId": ak.Array([np.asarray(raw_id, np.uint32) for raw_id, _ in hits]),
        "energy": ak.Array([np.asarray(energy, np.float32) for _, energy in hits]),
        "time": ak.Array([np.zeros(len(energy), np.float32) for _, energy in hits]),
    }
    branches = {
        "run": np.ones(len(hits), np.uint32),
        "lumi": np.ones(len(hits), np.uint32),
        "event": np.arange(first_event, first_event + len(hits), dtype=np.uint64),
        "EBHit": ak.zip({name: column for name, column in rec_hits.items() if f"EBHit_{name}" != without}),
    }
    branches.pop(without, None)
    with uproot.recreate(path) as file:
        file.mktree("Events", branches)  # plain assignment would write an RNTuple
    return path


def write_empty_flat(path: Path) -> Path:
    """Writes the default flat layout without events."""
    number = {"run": "uint32", "lumi": "uint32", "event": "uint64"}
    hit = "var * {rawId: uint32, energy: float32, time: float32}"
    with uproot.recreate(path) as file:
        file.mktree("Events", {**number, "EBHit": hit})
    return path
