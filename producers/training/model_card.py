"""Writes the page that tells a user what a model is, what it reaches and where it ends."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from producers.algorithms.image_specification import ImageSpecification
from producers.training.checkpoint import Checkpoint
from producers.training.evaluate import Evaluation

_FIGURES: Final = (
    ("AUC", "auc"),
    ("background rejection at 30% signal efficiency", "rejection_at_30"),
    ("background rejection at 50% signal efficiency", "rejection_at_50"),
)
_PRECISIONS: Final = {
    "f32": "float32",
    "int8": "8-bit integers; the logarithm and what follows the pooling in float32",
}
_PAGE: Final = """\
# {name}

Tells jets of hadronically decaying top quarks from QCD jets, by images of the crystals of the ECAL barrel.

- Network: `{network}` of `producers/training/networks.py`, {model_bytes:,} bytes of ONNX.
- Precision: {precision}.
- Input `images`: float32, (rows, 1, 224, 224), by the specification in `model.toml`. The graph
  itself {scaling}. {lit_pixels:.0f} pixels of an image are lit on average.
- Output `scores`: float32, (rows, 2), probabilities of QCD and top.
- Trained on {n_training_jets:,} simulated jets of ET > 150 GeV and |eta| < 1, each with a hard parton within
  0.8: Pythia 8.317, 13 TeV, pTHat 500-700 GeV, fast simulation of the barrel, no pile-up, hits above 0.25
  GeV.

## Measured
On the leading jets (ET > 200 GeV, |eta| < 1) of events that were never trained on: {n_signal:,} top and
{n_background:,} QCD jets, scored by OpenVINO from the served file. Errors are statistical.

{rows}

{loss}The trees (scikit-learn) see ET, mass, tau1 to tau4 and their ratios, masses of pairs of subjets, width,
ptD and the number of crystals, of the same jets, and were trained on the jets that the model was trained
on. The AUC of the model is larger by {better_by}; this error knows that the jets are the same.

## Limits
Simulation only: no pile-up, no dead channels, no material before the calorimeter. Jets of other energies or
with |eta| of 1 or more (jobs score those too, to the end of the barrel, where half of the image is empty),
real data and jets with a neighbour inside the image were not measured. A score is a probability only where
top and QCD jets come in equal parts.

## Made by
`python -m producers.training` with `generate`, `train --network {network}`, `export`{quantize} and
`evaluate`; the full commands are in `data/README.md`.
"""


def write_model_card(path: Path, name: str, checkpoint: Checkpoint, evaluation: Evaluation) -> None:
    """Writes a model card as Markdown.

    Args:
        path: Where to; ``README.md`` in the model's version folder.
        name: Of the model.
        checkpoint: What it was exported from.
        evaluation: What was measured.
    """
    pixels = checkpoint.specification.pixels
    served = ImageSpecification().pixels
    adds = "" if pixels == served else f"adds pixels up to {pixels} x {pixels} and "
    page = _PAGE.format(
        name=name,
        network=checkpoint.network_name,
        scaling=f"{adds}takes the logarithm",
        n_training_jets=checkpoint.n_training_jets,
        model_bytes=evaluation.model_bytes,
        precision=_PRECISIONS.get(evaluation.precision, evaluation.precision),
        lit_pixels=evaluation.lit_pixels,
        n_signal=evaluation.model.n_signal,
        n_background=evaluation.model.n_background,
        rows="\n".join(_table(evaluation)),
        loss=_loss(evaluation),
        quantize="" if evaluation.precision == "f32" else ", `quantize`",
        better_by=evaluation.better_by,
    )
    path.write_text(page, encoding="utf-8")


def _table(evaluation: Evaluation) -> Iterator[str]:
    columns = {"this model": evaluation.model}
    if evaluation.full_precision is not None:
        columns["the same in float32"] = evaluation.full_precision
    columns |= {"boosted trees": evaluation.baseline, "jet mass alone": evaluation.mass}
    yield f"| | {' | '.join(columns)} |"
    yield "|---" * (len(columns) + 1) + "|"
    for title, field in _FIGURES:
        yield f"| {title} | {' | '.join(str(getattr(column, field)) for column in columns.values())} |"
    # The mass is no score: where it crosses 0.5 means nothing.
    scores = list(columns.values())[:-1]
    yield f"| accuracy at a score of 0.5 | {' | '.join(str(column.accuracy) for column in scores)} | |"


def _loss(evaluation: Evaluation) -> str:
    if evaluation.loss is None:
        return ""
    return (
        f"The AUC in float32 less this model's is {evaluation.loss}; this error knows that the jets are the\n"
        "same.\n\n"
    )
