"""Measures an exported model on held-out jets, as it is served."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.tagging_metrics import TaggingPerformance, measure_tagging
from producers.training.dataset import NO_AUGMENTATION, JetSample, draw_batch
from producers.training.export import score_with_openvino

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a served model reaches on held-out jets, beside the jet mass on the same jets.

    Attributes:
        model: Of the model's scores.
        mass: Of the jet mass; its accuracy means nothing.
        lit_pixels: Mean number of pixels in an image that hold something.
        model_bytes: Size of the ONNX file.
    """

    model: TaggingPerformance
    mass: TaggingPerformance
    lit_pixels: float
    model_bytes: int


def evaluate_model(folder: Path, jets: JetSample) -> Evaluation:
    """Scores jets with the model as it is served.

    Args:
        folder: Holds ``model.onnx`` and ``model.toml``.
        jets: Held-out jets.

    Raises:
        FileNotFoundError: The folder holds no model.
        ValueError: The model's image specification cannot be drawn.
    """
    description = tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))
    specification = ImageSpecification.from_dict(description["image_spec"])
    path = folder / description["file"]
    scores, lit = [], 0
    for start in range(0, len(jets), _CHUNK):
        chosen = np.arange(start, min(start + _CHUNK, len(jets)))
        images = draw_batch(jets, chosen, specification, NO_AUGMENTATION, np.random.default_rng(0))
        lit += int(np.count_nonzero(images))
        scores.append(score_with_openvino(path, images[:, None])[:, 1])
    return Evaluation(
        model=measure_tagging(np.concatenate(scores), jets.label),
        mass=measure_tagging(jets.jet_mass, jets.label),
        lit_pixels=lit / max(len(jets), 1),
        model_bytes=path.stat().st_size,
    )
