"""The file a training leaves behind: weights, and what they were trained for, so that nothing can drift."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch

from producers.algorithms.image_specification import ImageSpecification


class CheckpointError(ValueError):
    """A checkpoint is not what it is taken for."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State of a training.

    Attributes:
        network_name: Name in ``networks.NETWORKS``.
        image_specification: Of the images the network sees, as plain values.
        n_training_jets: Jets it is trained on.
        step: Batches seen in this stage.
        network: Weights of the network.
        average: Weights of their moving average, which is what is exported.
        optimizer: State of the optimizer.
    """

    network_name: str
    image_specification: dict[str, Any]
    n_training_jets: int
    step: int
    network: dict[str, Any]
    average: dict[str, Any]
    optimizer: dict[str, Any]

    @property
    def specification(self) -> ImageSpecification:
        """Of the images the network sees."""
        return ImageSpecification.from_dict(self.image_specification)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Writes a checkpoint, under another name first, so that what has the final name is complete."""
    partial = path.with_suffix(".partial")
    torch.save({field.name: getattr(checkpoint, field.name) for field in fields(Checkpoint)}, partial)
    partial.replace(path)


def read_checkpoint(path: Path) -> Checkpoint:
    """Reads a checkpoint.

    Raises:
        FileNotFoundError: There is none.
        CheckpointError: The file holds something else.
    """
    state = torch.load(path, weights_only=True, map_location="cpu")
    names = {field.name for field in fields(Checkpoint)}
    if not isinstance(state, dict) or state.keys() != names:
        message = f"{path} is no checkpoint of `python -m producers.training train`"
        raise CheckpointError(message)
    return Checkpoint(**state)
