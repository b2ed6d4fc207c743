"""Made-up events and jets that training can be tried on without a generator."""

import numpy as np

from producers.algorithms.ecal_geometry import CRYSTAL_ETA, CRYSTAL_PHI, wrap_phi
from producers.training.dataset import JetSample, cluster_shard
from producers.training.event_shards import EventShard


def made_up_shard(process: str, n_events: int, seed: int) -> EventShard:
    """Events of one jet: three prongs for "top", one for "QCD", which anything that learns can tell."""
    random = np.random.default_rng(seed)
    index, energy, counts, eta, phi = [], [], [], [], []
    for _ in range(n_events):
        axis_eta, axis_phi = random.uniform(-0.5, 0.5), random.uniform(-np.pi, np.pi)
        prongs = 3 if process == "top" else 1
        offsets = 0.35 * random.normal(size=(prongs, 2)) if prongs > 1 else np.zeros((1, 2))
        crystals = []
        for d_eta, d_phi in offsets:
            distance = np.hypot(CRYSTAL_ETA - axis_eta - d_eta, wrap_phi(CRYSTAL_PHI - axis_phi - d_phi))
            crystals.append(random.choice(np.flatnonzero(distance < 0.1), 20, replace=False))
        chosen = np.unique(np.concatenate(crystals))
        index.append(chosen)
        energy.append(random.exponential(400 / len(chosen), len(chosen)) + 1.0)
        counts.append(len(chosen))
        eta.append([axis_eta, -axis_eta])
        phi.append([axis_phi, axis_phi + np.pi])
    return EventShard(
        hit_counts=np.array(counts, np.int64),
        hit_index=np.concatenate(index).astype(np.uint16),
        hit_energy=np.concatenate(energy).astype(np.float32),
        parton_pdg_id=np.full((n_events, 2), 6 if process == "top" else 21, np.int32),
        parton_eta=np.array(eta, np.float32),
        parton_phi=np.array(phi, np.float32),
    )


def made_up_jets(process: str, n_events: int, seed: int) -> JetSample:
    """The jets of made-up events."""
    return cluster_shard(made_up_shard(process, n_events, seed))
