"""Trains a network on jets, step by step, so that it can stop at any time and go on."""

import copy
import logging
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.tagging_metrics import TaggingPerformance, measure_tagging
from producers.training.checkpoint import Checkpoint, CheckpointError, read_checkpoint, write_checkpoint
from producers.training.dataset import NO_AUGMENTATION, Augmentation, JetSample, draw_batch
from producers.training.networks import NETWORKS

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train one stage.

    Attributes:
        network: Name in ``networks.NETWORKS``.
        specification: Images to train on; coarser than those served where ``pixels`` divides theirs.
        steps: Batches in this stage.
        batch_size: Jets in a batch.
        learning_rate: Highest, of AdamW; it rises over the first 5% of the steps and falls to 0 by a cosine.
        weight_decay: Of AdamW.
        label_smoothing: Share of the label given to the other class.
        average_decay: Of the exponential moving average of the weights, which is what is kept.
        bfloat16: Compute in bfloat16 where that is safe.
        augmentation: Changes to each jet.
        seed: Fixes batches, changes and first weights.
    """

    network: str
    specification: ImageSpecification
    steps: int
    batch_size: int = 64
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    label_smoothing: float = 0.02
    average_decay: float = 0.998
    bfloat16: bool = False
    augmentation: Augmentation = field(default_factory=Augmentation)
    seed: int = 1

    def learning_rate_at(self, step: int) -> float:
        """Gives the learning rate of a step."""
        warm_up = max(1, self.steps // 20)
        if step < warm_up:
            return self.learning_rate * (step + 1) / warm_up
        return (
            self.learning_rate * 0.5 * (1.0 + math.cos(math.pi * (step - warm_up) / (self.steps - warm_up)))
        )


class DeviceError(ValueError):
    """The device that was asked for is not there."""


def choose_device(name: str = "auto") -> torch.device:
    """Chooses where to train.

    Args:
        name: torch's name of a device, such as "cpu" or "cuda:1"; "auto" is a GPU where there is one.

    Raises:
        DeviceError: This machine, or this torch, has no such device.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        message = f"cannot train on {name!r}: {str(error).splitlines()[0]}; auto and cpu are always there"
        raise DeviceError(message) from None
    return device


class Trainer:
    """A network in training with all that a checkpoint must hold."""

    def __init__(self, recipe: Recipe, device: torch.device | None = None) -> None:
        torch.manual_seed(recipe.seed)
        self.recipe = recipe
        self.device = device or torch.device("cpu")
        # Only ``run`` and ``restore`` change what follows.
        self.step = 0
        # As Any, since torch's stubs do not know of memory formats in Module.to.
        network: Any = NETWORKS[recipe.network]()
        self.network: nn.Module = network.to(self.device, memory_format=torch.channels_last)
        self.average = copy.deepcopy(self.network)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )

    def run(self, jets: JetSample, until: int) -> float:
        """Trains up to a step and gives the mean loss on the way.

        Args:
            jets: To train on.
            until: Step to stop before, at most that of the recipe.
        """
        self.network.train()
        total, n_steps = 0.0, 0
        for batch, truth in _batches(jets, self.recipe, self.step, until):
            images, labels = batch.to(self.device), truth.to(self.device)
            for group in self.optimizer.param_groups:
                group["lr"] = self.recipe.learning_rate_at(self.step)
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.bfloat16):
                logits = self.network(images)
            loss = nn.functional.cross_entropy(
                logits.float(), labels, label_smoothing=self.recipe.label_smoothing
            )
            self.optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self.optimizer.step()
            self.step += 1
            self._follow()
            total += float(loss.detach())
            n_steps += 1
        return total / max(n_steps, 1)

    def save(self, path: Path, n_training_jets: int) -> None:
        """Writes a checkpoint."""
        checkpoint = Checkpoint(
            network_name=self.recipe.network,
            image_specification=self.recipe.specification.to_dict(),
            n_training_jets=n_training_jets,
            step=self.step,
            network=self.network.state_dict(),
            average=self.average.state_dict(),
            optimizer=self.optimizer.state_dict(),
        )
        write_checkpoint(path, checkpoint)

    def restore(self, path: Path) -> None:
        """Goes on from a checkpoint of the same network and images.

        Raises:
            CheckpointError: It is of another network or of other images.
        """
        checkpoint = read_checkpoint(path)
        there = (checkpoint.network_name, checkpoint.specification)
        here = (self.recipe.network, self.recipe.specification)
        if there != here:
            message = f"cannot go on from {path}: it is of {there}, not of {here}; choose another folder"
            raise CheckpointError(message)
        self.step = checkpoint.step
        self.network.load_state_dict(checkpoint.network)
        self.average.load_state_dict(checkpoint.average)
        self.optimizer.load_state_dict(checkpoint.optimizer)

    def start_from(self, path: Path) -> None:
        """Takes the averaged weights of another stage, with a fresh optimizer.

        Raises:
            CheckpointError: It is of another network.
        """
        checkpoint = read_checkpoint(path)
        if checkpoint.network_name != self.recipe.network:
            message = f"cannot start a {self.recipe.network} from {path}: it is a {checkpoint.network_name}"
            raise CheckpointError(message)
        self.network.load_state_dict(checkpoint.average)
        self.average.load_state_dict(checkpoint.average)

    def _follow(self) -> None:
        """Moves the average towards the network, faster in the first steps."""
        decay = min(self.recipe.average_decay, (1.0 + self.step) / (10.0 + self.step))
        with torch.no_grad():
            for kept, new in zip(
                self.average.state_dict().values(), self.network.state_dict().values(), strict=True
            ):
                if kept.dtype.is_floating_point:
                    kept.lerp_(new, 1.0 - decay)
                else:
                    kept.copy_(new)


def train(
    recipe: Recipe,
    training: JetSample,
    validation: JetSample,
    folder: Path,
    *,
    start_from: Path | None = None,
    report_every: int = 500,
    device: torch.device | None = None,
) -> TaggingPerformance:
    """Trains one stage, with a checkpoint and a measurement every so often; called again it goes on.

    Args:
        recipe: The stage.
        training: Jets to train on.
        validation: Jets to measure on, never trained on.
        folder: Where ``checkpoint.pt`` and ``curve.tsv`` (step, jets, loss, AUC, rejections, seconds) are
            written.
        start_from: Checkpoint of an earlier stage whose weights this one begins with.
        report_every: Steps between checkpoints.
        device: Where to compute, the CPU if None; a checkpoint of one device goes on on another.

    Returns:
        What the averaged weights reach at the end.

    Raises:
        CheckpointError: The folder, or ``start_from``, holds the training of something else.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint, curve = folder / "checkpoint.pt", folder / "curve.tsv"
    trainer = Trainer(recipe, device)
    if checkpoint.exists():
        trainer.restore(checkpoint)
        logger.info("going on from step %d of %d", trainer.step, recipe.steps)
    elif start_from is not None:
        trainer.start_from(start_from)
    performance = None
    while trainer.step < recipe.steps:
        began = time.monotonic()
        loss = trainer.run(training, min(trainer.step + report_every, recipe.steps))
        elapsed = time.monotonic() - began
        trainer.save(checkpoint, len(training))
        performance = measure_network(trainer.average, validation, recipe.specification)
        _report(curve, trainer.step, recipe, loss, elapsed, performance)
    return performance or measure_network(trainer.average, validation, recipe.specification)


def measure_network(
    network: nn.Module, jets: JetSample, specification: ImageSpecification
) -> TaggingPerformance:
    """Measures a network on jets as they are served: not turned, mirrored or moved."""
    return measure_tagging(score_jets(network, jets, specification), jets.label)


def score_jets(
    network: nn.Module, jets: JetSample, specification: ImageSpecification, batch_size: int = 250
) -> npt.NDArray[np.float32]:
    """Gives the probability of top for every jet: float32, (n_jets,)."""
    network.eval()
    device = next(network.parameters()).device
    scores = []
    random = np.random.default_rng(0)
    with torch.inference_mode():
        for start in range(0, len(jets), batch_size):
            chosen = np.arange(start, min(start + batch_size, len(jets)))
            images = draw_batch(jets, chosen, specification, NO_AUGMENTATION, random)
            scores.append(torch.softmax(network(_as_input(images).to(device)), dim=1)[:, 1].cpu().numpy())
    return np.concatenate(scores)


def _batches(jets: JetSample, recipe: Recipe, start: int, stop: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yields the batches of some steps; each depends on the recipe's seed and its step alone."""
    per_epoch = max(1, len(jets) // recipe.batch_size)
    epoch, order = -1, np.zeros(0, np.int64)
    for step in range(start, stop):
        if step // per_epoch != epoch:
            epoch = step // per_epoch
            order = np.random.default_rng((recipe.seed, 0, epoch)).permutation(len(jets))
        first = (step % per_epoch) * recipe.batch_size
        chosen = order[first : first + recipe.batch_size]
        random = np.random.default_rng((recipe.seed, 1, step))
        images = draw_batch(jets, chosen, recipe.specification, recipe.augmentation, random)
        yield _as_input(images), torch.from_numpy(jets.label[chosen])


def _as_input(images: npt.NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(images[:, None]).contiguous(memory_format=torch.channels_last)


def _report(
    curve: Path, step: int, recipe: Recipe, loss: float, elapsed_s: float, performance: TaggingPerformance
) -> None:
    row = (
        step,
        step * recipe.batch_size,
        f"{loss:.5f}",
        f"{performance.auc.value:.5f}",
        f"{performance.rejection_at_30.value:.1f}",
        f"{performance.rejection_at_50.value:.1f}",
        f"{elapsed_s:.1f}",
    )
    with curve.open("a", encoding="utf-8") as stream:
        stream.write("\t".join(map(str, row)) + "\n")
    logger.info(
        "step %d of %d: loss %.4f, AUC %s, %.0f s", step, recipe.steps, loss, performance.auc, elapsed_s
    )
