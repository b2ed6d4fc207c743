"""Keeps generated events in small files, so that making a large training sample can stop and go on."""

import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import hashed_index
from producers.samples.generator import EventGenerator

logger = logging.getLogger(__name__)

EVENTS_PER_SHARD: Final = 1000
STORED_ENERGY: Final = 0.25
"""GeV. Hits at or below it are not stored: jets and images are made from hits above it."""
PROCESS_SEEDS: Final = {"QCD": 10_000, "top": 20_000}
"""Seed of the first shard of each process; shard k has this seed plus k."""


@dataclass(frozen=True, slots=True)
class EventShard:
    """Hits and partons of many events of one process, concatenated.

    Attributes:
        hit_counts: int64, (n_events,).
        hit_index: uint16, (sum of hit_counts,), ``hashed_index`` of the crystals.
        hit_energy: float32, (sum of hit_counts,), GeV.
        parton_pdg_id: int32, (n_events, 2).
        parton_eta: float32, (n_events, 2).
        parton_phi: float32, (n_events, 2), radians.
    """

    hit_counts: npt.NDArray[np.int64]
    hit_index: npt.NDArray[np.uint16]
    hit_energy: npt.NDArray[np.float32]
    parton_pdg_id: npt.NDArray[np.int32]
    parton_eta: npt.NDArray[np.float32]
    parton_phi: npt.NDArray[np.float32]


def shard_path(folder: Path, process: str, number: int) -> Path:
    """Names the file of one shard."""
    return folder / f"{process}-{number:04d}.npz"


def generate_shards(folder: Path, n_shards: int) -> Iterator[Path]:
    """Makes the shards that are missing, QCD and top in turn, and yields the path of each as it is ready.

    Args:
        folder: Where the shards are; made if it is not there.
        n_shards: Shards of each process, of 1000 events each.

    Raises:
        GenerationError: Pythia is not installed or fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n_shards):
        for process, first_seed in PROCESS_SEEDS.items():
            path = shard_path(folder, process, number)
            if not path.exists():
                shard = _generate(EventGenerator(process, first_seed + number))
                write_arrays(path, {name: getattr(shard, name) for name in EventShard.__slots__})
                logger.info("made %s", path)
            yield path


def read_shard(path: Path) -> EventShard:
    """Reads one shard.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no shard.
    """
    with np.load(path) as arrays:
        return EventShard(**{name: arrays[name] for name in EventShard.__slots__})


def write_arrays(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Writes an npz file, under another name first, so that what has the final name is complete."""
    partial = path.with_suffix(f".{os.getpid()}.partial")
    with partial.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
    partial.replace(path)


def _generate(generator: EventGenerator) -> EventShard:
    events = list(islice(generator.events(), EVENTS_PER_SHARD))
    kept = [event.energy > STORED_ENERGY for event in events]
    return EventShard(
        hit_counts=np.array([int(mask.sum()) for mask in kept], np.int64),
        hit_index=np.concatenate(
            [hashed_index(event.rawId[mask]) for event, mask in zip(events, kept, strict=True)]
        ).astype(np.uint16),
        hit_energy=np.concatenate([event.energy[mask] for event, mask in zip(events, kept, strict=True)]),
        parton_pdg_id=np.stack([event.parton_pdgId for event in events]),
        parton_eta=np.stack([event.parton_eta for event in events]),
        parton_phi=np.stack([event.parton_phi for event in events]),
    )
