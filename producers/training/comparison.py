"""Compares exported models on the same held-out jets: how well they tag, how fast they are, how large."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.tagging_metrics import (
    Measured,
    TaggingPerformance,
    area_difference,
    measure_tagging,
)
from producers.training.dataset import JetSample
from producers.training.evaluate import score_model
from producers.training.export import MAX_ROWS

FloatArray = npt.NDArray[np.float64]
Images = npt.NDArray[np.float32]

ENGINES: Final = ("openvino", "onnxruntime")

_TIMED_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class ComparedTagger:
    """One tagger on the jets that all share.

    Attributes:
        name: what to call it.
        scores: float64, (n_jets,), probability of top.
        performance: what the scores reach.
        better_by: area under the curve less that of the first tagger compared; None for the first.
        model_bytes: size of the ONNX file; None for what is no network.
        rates: images per second of one core, by engine.
    """

    name: str
    scores: FloatArray
    performance: TaggingPerformance
    better_by: Measured | None
    model_bytes: int | None
    rates: Mapping[str, float]


def compare_taggers(
    scores: Mapping[str, FloatArray],
    folders: Mapping[str, Path],
    jets: JetSample,
    keep: Path | None = None,
) -> list[ComparedTagger]:
    """Scores jets with models and sets them beside scores that are known.

    Args:
        scores: known scores of the jets by name, of taggers that are no network; the first of all is what
            the others are held against.
        folders: version folders of models by name.
        jets: held-out jets.
        keep: see ``score_model``.

    Raises:
        FileNotFoundError: A folder holds no model.
        ValueError: A model's image specification cannot be drawn.
    """
    every = dict(scores) | {name: score_model(folder, jets, keep) for name, folder in folders.items()}
    first = next(iter(every.values()))
    rows = []
    for name, values in every.items():
        folder = folders.get(name)
        rows.append(
            ComparedTagger(
                name=name,
                scores=values,
                performance=measure_tagging(values, jets.label),
                better_by=None if values is first else area_difference(values, first, jets.label),
                model_bytes=(folder / "model.onnx").stat().st_size if folder else None,
                rates=measure_rates(folder) if folder else {},
            )
        )
    return rows


def measure_rates(folder: Path) -> dict[str, float]:
    """Measures images per second of one core, by engine.

    Each engine has one thread, and what counts is the time that the process computed, so that other work on
    the machine changes little.

    Args:
        folder: Version folder of a model.
    """
    path = folder / "model.onnx"
    images = np.random.default_rng(0).exponential(0.001, (MAX_ROWS, 1, 224, 224)).astype(np.float32)
    return {engine: _rate(_runner(engine, path), images, _TIMED_S) for engine in ENGINES}


def table_lines(taggers: Iterable[ComparedTagger]) -> Iterator[str]:
    """Yields the comparison as a table in Markdown."""
    yield (
        "| tagger | AUC | AUC less that of the first | rejection at 30% | rejection at 50% | accuracy at 0.5 "
        "| bytes | images/s: OpenVINO | onnxruntime |"
    )
    yield "|---" * 9 + "|"
    for tagger in taggers:
        figures = tagger.performance
        size = "" if tagger.model_bytes is None else f"{tagger.model_bytes:,}"
        rates = (f"{tagger.rates[engine]:.0f}" if engine in tagger.rates else "" for engine in ENGINES)
        cells = (
            tagger.name,
            figures.auc,
            "" if tagger.better_by is None else tagger.better_by,
            figures.rejection_at_30,
            figures.rejection_at_50,
            figures.accuracy,
            size,
            *rates,
        )
        yield f"| {' | '.join(map(str, cells))} |"


def _rate(run: Callable[[Images], Any], images: Images, timed_s: float) -> float:
    run(images)
    began, n_runs = time.process_time(), 0
    while time.process_time() - began < timed_s:
        run(images)
        n_runs += 1
    return n_runs * len(images) / (time.process_time() - began)


def _runner(engine: str, path: Path) -> Callable[[Images], Any]:
    # Each engine is loaded only by who measures it.
    if engine == "openvino":
        import openvino  # noqa: PLC0415

        settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
        model = openvino.Core().compile_model(str(path), "CPU", settings)
        return lambda images: model([images])
    import onnxruntime  # noqa: PLC0415

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["scores"], {"images": images})
