"""Measures an exported model on held-out jets, as it is served."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.tagging_metrics import (
    Measured,
    TaggingPerformance,
    area_difference,
    measure_tagging,
)
from producers.training.dataset import NO_AUGMENTATION, JetSample, draw_batch
from producers.training.export import openvino_scorer
from producers.training.kept_scores import kept_scores

FloatArray = npt.NDArray[np.float64]

_CHUNK = 512


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a served model reaches on held-out jets, beside simpler taggers on the same jets.

    Attributes:
        model: Of the model's scores.
        baseline: Of boosted trees on mass and substructure.
        mass: Of the jet mass; its accuracy means nothing.
        better_by: Area under the curve of the model less that of the trees.
        lit_pixels: Mean number of pixels in an image that hold something.
        model_bytes: Size of the ONNX file.
        precision: What the model's description says of its arithmetic.
        full_precision: Of the same network in float32, where that was measured beside it.
        loss: Area under the curve of ``full_precision`` less that of the model.
    """

    model: TaggingPerformance
    baseline: TaggingPerformance
    mass: TaggingPerformance
    better_by: Measured
    lit_pixels: float
    model_bytes: int
    precision: str
    full_precision: TaggingPerformance | None = None
    loss: Measured | None = None


def evaluate_model(
    folder: Path,
    jets: JetSample,
    baseline: FloatArray,
    full_precision: Path | None = None,
    keep: Path | None = None,
) -> Evaluation:
    """Scores jets with the model as it is served.

    Args:
        folder: Holds ``model.onnx`` and ``model.toml``.
        jets: Held-out jets.
        baseline: float64, (n_jets,), their scores by ``baseline.baseline_scores``.
        full_precision: Folder of the same network in float32, to measure beside it.
        keep: See ``score_model``.

    Raises:
        FileNotFoundError: The folder holds no model.
        ValueError: The model's image specification cannot be drawn.
    """
    scores = score_model(folder, jets, keep)
    in_full = None if full_precision is None else score_model(full_precision, jets, keep)
    return Evaluation(
        model=measure_tagging(scores, jets.label),
        baseline=measure_tagging(baseline, jets.label),
        mass=measure_tagging(jets.jet_mass, jets.label),
        better_by=area_difference(scores, baseline, jets.label),
        lit_pixels=mean_lit_pixels(_specification(folder), jets),
        model_bytes=(folder / "model.onnx").stat().st_size,
        precision=read_description(folder)["precision"],
        full_precision=None if in_full is None else measure_tagging(in_full, jets.label),
        loss=None if in_full is None else area_difference(in_full, scores, jets.label),
    )


def read_description(folder: Path) -> dict[str, Any]:
    """Reads ``model.toml``.

    Raises:
        FileNotFoundError: The folder holds no model.
    """
    return tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))


def score_model(folder: Path, jets: JetSample, keep: Path | None = None) -> FloatArray:
    """Scores jets with a model by OpenVINO in float32, as it is served.

    Args:
        folder: Holds ``model.onnx`` and ``model.toml``.
        jets: Jets to score.
        keep: Folder where scores are kept and taken from; None keeps nothing.

    Returns:
        Probabilities of top, float64, (n_jets,).

    Raises:
        FileNotFoundError: The folder holds no model.
        ValueError: The model's image specification cannot be drawn.
    """
    specification = _specification(folder)
    path = folder / read_description(folder)["file"]

    def compute() -> FloatArray:
        score = openvino_scorer(path)
        scores = [score(images[:, None])[:, 1] for images in _drawn(specification, jets)]
        return np.concatenate(scores).astype(np.float64)

    if keep is None:
        return compute()
    tagger = path.read_bytes() + repr(specification).encode()
    return kept_scores(keep, tagger, jets, compute)


def mean_lit_pixels(specification: ImageSpecification, jets: JetSample) -> float:
    """Counts the pixels of an image that hold something, on average."""
    return sum(np.count_nonzero(images) for images in _drawn(specification, jets)) / max(len(jets), 1)


def _drawn(specification: ImageSpecification, jets: JetSample) -> Iterator[npt.NDArray[np.float32]]:
    for start in range(0, len(jets), _CHUNK):
        chosen = np.arange(start, min(start + _CHUNK, len(jets)))
        yield draw_batch(jets, chosen, specification, NO_AUGMENTATION, np.random.default_rng(0))


def _specification(folder: Path) -> ImageSpecification:
    return ImageSpecification.from_dict(read_description(folder)["image_spec"])
