"""Turns generated events into labelled jets, and jets into batches of images for training."""

import dataclasses
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.ecal_geometry import (
    CRYSTAL_ETA,
    CRYSTAL_PHI,
    CRYSTAL_WIDTH,
    transverse_energy,
    wrap_phi,
)
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_clustering import cluster_jets
from producers.algorithms.jet_image import SparseImages, draw_jet_images
from producers.algorithms.jet_matching import LABEL_UNMATCHED, label_jets
from producers.training.event_shards import EventShard, read_shard, write_arrays

FloatColumn = npt.NDArray[np.float32]
Column = npt.NDArray[Any]

JET_ET_MIN: Final = 150.0
"""GeV. Of jets that are trained on."""
LEADING_JET_ET_MIN: Final = 200.0
"""GeV. Of jets that are measured on: the leading jet of an event, as the flagship job selects it."""
JET_ABS_ETA_MAX: Final = 1.0
MAX_DISTANCE: Final = 1.5
"""Crystals closer to the axis are kept: the corners of the window, turned and shifted, are within it."""
TEST_SHARD_PERIOD: Final = 5
"""Every fifth shard is held out: its events are never trained on."""


@dataclass(frozen=True, slots=True)
class JetSample:
    """Labelled jets with the crystals around them, in coordinates relative to the jet axis.

    Attributes:
        crystal_counts: int64, (n_jets,).
        crystal_et: float32, (sum of crystal_counts,), GeV.
        crystal_eta: float32, (sum of crystal_counts,), eta minus the jet's.
        crystal_phi: float32, (sum of crystal_counts,), phi minus the jet's, radians, wrapped.
        jet_et: float32, (n_jets,), GeV.
        jet_mass: float32, (n_jets,), GeV.
        label: int64, (n_jets,), 1 for top, 0 for QCD.
        leading: bool, (n_jets,), the leading jet of its event, and above 200 GeV.
    """

    crystal_counts: npt.NDArray[np.int64]
    crystal_et: FloatColumn
    crystal_eta: FloatColumn
    crystal_phi: FloatColumn
    jet_et: FloatColumn
    jet_mass: FloatColumn
    label: npt.NDArray[np.int64]
    leading: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Counts the jets."""
        return len(self.label)


@dataclass(frozen=True, slots=True)
class Augmentation:
    """Changes that leave a jet's label as it is, drawn anew for every jet.

    Attributes:
        rotate: Turn by any angle around the axis.
        flip: Mirror, for half of the jets.
        max_shift: Move by up to this many crystals in eta and in phi.
    """

    rotate: bool = True
    flip: bool = True
    max_shift: float = 3.0


NO_AUGMENTATION: Final = Augmentation(rotate=False, flip=False, max_shift=0.0)


def is_test_shard(number: int) -> bool:
    """Tells whether the shard of this number is held out."""
    return number % TEST_SHARD_PERIOD == TEST_SHARD_PERIOD - 1


def file_number(path: Path) -> int:
    """Reads the number that ends the name of a file of events, such as 4 of ``top-0004.root``.

    Raises:
        ValueError: The name does not end in a hyphen and four digits.
    """
    number = path.stem.rpartition("-")[2]
    if not (len(number) == 4 and number.isdecimal() and "-" in path.stem):
        message = (
            f"cannot tell whether {path} is held out: the name must end in a number, such as top-0004.root"
        )
        raise ValueError(message)
    return int(number)


def load_jets(folder: Path, *, test: bool) -> JetSample:
    """Reads the jets of all event files of a folder, clustering the shards that were not yet.

    Args:
        folder: Where ``event_shards.generate_shards`` wrote, or ``event_files.prepare_jets``; the jets of
            each file of events are in its subfolder ``jets``.
        test: The held-out files, else the others.

    Raises:
        FileNotFoundError: There are none.
    """
    (folder / "jets").mkdir(parents=True, exist_ok=True)
    names = {path.name for place in (folder, folder / "jets") for path in place.glob("*-????.npz")}
    chosen = [folder / name for name in sorted(names) if is_test_shard(file_number(Path(name))) == test]
    if not chosen:
        kind = "test" if test else "training"
        message = f"no {kind} events in {folder}: make them with `python -m producers.training generate`"
        raise FileNotFoundError(message)
    return concatenate(_jets_of(path) for path in chosen)


def concatenate(samples: Iterable[JetSample]) -> JetSample:
    """Joins samples."""
    parts = list(samples)
    fields = (field.name for field in dataclasses.fields(JetSample))
    return JetSample(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in fields})


def leading_jets(sample: JetSample) -> JetSample:
    """Keeps the leading jet of each event where it is above 200 GeV."""
    return select(sample, sample.leading)


def random_jets(sample: JetSample, n_jets: int, seed: int = 1) -> JetSample:
    """Keeps some jets, the same ones for the same seed, in their order; all where there are no more."""
    chosen = np.zeros(len(sample), np.bool_)
    chosen[np.random.default_rng(seed).permutation(len(sample))[:n_jets]] = True
    return select(sample, chosen)


def select(sample: JetSample, chosen: npt.NDArray[np.bool_]) -> JetSample:
    """Keeps the jets where ``chosen``, (n_jets,), is true."""
    crystals = np.repeat(chosen, sample.crystal_counts)
    columns = {field.name: getattr(sample, field.name) for field in dataclasses.fields(JetSample)}
    per_crystal = ("crystal_et", "crystal_eta", "crystal_phi")
    return JetSample(
        **{name: column[crystals if name in per_crystal else chosen] for name, column in columns.items()}
    )


def draw_batch(
    sample: JetSample,
    jets: npt.NDArray[np.int64],
    specification: ImageSpecification,
    augmentation: Augmentation,
    random: np.random.Generator,
) -> FloatColumn:
    """Draws images of some jets with the function that serving uses.

    Args:
        sample: Labelled jets.
        jets: int64, (n,), which of them.
        specification: What to draw; its minimum energy was applied when the shard was made.
        augmentation: What to change at random.
        random: Source of the changes.

    Returns:
        float32, (n, pixels, pixels).
    """
    relative = dataclasses.replace(specification, minimum_energy=0.0)
    offsets = np.concatenate([[0], np.cumsum(sample.crystal_counts)])
    images = []
    for jet in jets:
        crystals = slice(offsets[jet], offsets[jet + 1])
        eta, phi = augment(sample.crystal_eta[crystals], sample.crystal_phi[crystals], augmentation, random)
        energy = sample.crystal_et[crystals] * np.cosh(eta)
        images.append(draw_jet_images(relative, energy, eta, phi, sample.jet_et[jet : jet + 1], [0.0], [0.0]))
    return _join(images).dense(specification.pixels)


def augment(
    eta: npt.ArrayLike, phi: npt.ArrayLike, augmentation: Augmentation, random: np.random.Generator
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Turns, mirrors and moves the crystals of one jet.

    Args:
        eta: (n_crystals,), relative to the axis.
        phi: (n_crystals,), relative to the axis, radians.
        augmentation: What to change.
        random: Source of the changes.

    Returns:
        New eta and phi, float64, (n_crystals,).
    """
    x, y = np.asarray(eta, np.float64), np.asarray(phi, np.float64)
    angle = random.uniform(0.0, 2 * np.pi) if augmentation.rotate else 0.0
    mirror = -1.0 if augmentation.flip and random.random() < 0.5 else 1.0
    shift = random.uniform(-1.0, 1.0, 2) * augmentation.max_shift * CRYSTAL_WIDTH
    cosine, sine = np.cos(angle), np.sin(angle)
    return cosine * x - sine * y + shift[0], mirror * (sine * x + cosine * y) + shift[1]


def cluster_shard(shard: EventShard) -> JetSample:
    """Clusters the events of a shard and labels the jets by the nearest hard parton.

    Jets without one are dropped, and those at |eta| of 1 or more.
    """
    offsets = np.concatenate([[0], np.cumsum(shard.hit_counts)])
    hits = [slice(start, stop) for start, stop in itertools.pairwise(offsets)]
    return concatenate(_cluster_event(shard, event, chosen) for event, chosen in enumerate(hits))


def _cluster_event(shard: EventShard, event: int, hits: slice) -> JetSample:
    index = shard.hit_index[hits].astype(np.int64)
    eta, phi = CRYSTAL_ETA[index], CRYSTAL_PHI[index]
    et = transverse_energy(shard.hit_energy[hits], eta)
    jets = cluster_jets(et, eta, phi, et_min=JET_ET_MIN)
    labels = label_jets(
        jets.eta, jets.phi, shard.parton_pdg_id[event], shard.parton_eta[event], shard.parton_phi[event]
    )
    return labelled_jets((et, eta, phi), (jets.pt, jets.eta, jets.phi, jets.mass), labels)


def labelled_jets(
    crystals: tuple[Column, Column, Column],
    jets: tuple[Column, Column, Column, Column],
    labels: npt.NDArray[Any],
) -> JetSample:
    """Takes the labelled jets of one event, each with the crystals around it.

    Args:
        crystals: ET [GeV], eta and phi of the event's crystals, (n_crystals,) each.
        jets: ET [GeV], eta, phi and mass [GeV] of its jets, (n_jets,) each, by falling ET.
        labels: int, (n_jets,): jets without a label are left out, and those at |eta| of 1 or more.
    """
    et, eta, phi = crystals
    jet_et, jet_eta, jet_phi, jet_mass = jets
    chosen = np.flatnonzero((np.abs(jet_eta) < JET_ABS_ETA_MAX) & (labels != LABEL_UNMATCHED))
    d_eta, d_phi = eta - jet_eta[chosen, None], wrap_phi(phi - jet_phi[chosen, None])
    near = np.hypot(d_eta, d_phi) < MAX_DISTANCE
    return JetSample(
        crystal_counts=near.sum(axis=1),
        crystal_et=np.broadcast_to(et, near.shape)[near].astype(np.float32),
        crystal_eta=d_eta[near].astype(np.float32),
        crystal_phi=d_phi[near].astype(np.float32),
        jet_et=jet_et[chosen].astype(np.float32),
        jet_mass=jet_mass[chosen].astype(np.float32),
        label=labels[chosen].astype(np.int64),
        leading=(chosen == 0) & (jet_et[chosen] > LEADING_JET_ET_MIN),
    )


def write_jets(path: Path, sample: JetSample) -> None:
    """Writes jets where ``load_jets`` finds them, complete or not at all."""
    write_arrays(path, {field.name: getattr(sample, field.name) for field in dataclasses.fields(JetSample)})


def _jets_of(path: Path) -> JetSample:
    """Reads the clustered jets of a shard, or clusters it and keeps them."""
    kept = path.parent / "jets" / path.name
    names = [field.name for field in dataclasses.fields(JetSample)]
    if kept.exists():
        with np.load(kept) as arrays:
            return JetSample(**{name: arrays[name] for name in names})
    sample = cluster_shard(read_shard(path))
    write_jets(kept, sample)
    return sample


def _join(images: list[SparseImages]) -> SparseImages:
    return SparseImages(
        counts=np.concatenate([image.counts for image in images]),
        index=np.concatenate([image.index for image in images]),
        value=np.concatenate([image.value for image in images]),
    )
