"""Writes a trained network as a model that the server can load, and checks that engines agree with it."""

import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import torch
from torch import nn

from producers.algorithms.image_specification import ImageSpecification
from producers.training.checkpoint import Checkpoint
from producers.training.networks import LABELS, NETWORKS, Tagger

OPSET: Final = 17
MAX_ROWS: Final = 32
AGREEMENT: Final = 1e-4
"""Largest difference of a score between torch and an engine that is put down to rounding."""


class ExportError(RuntimeError):
    """The exported model is not what was trained."""


def load_tagger(checkpoint: Checkpoint, served: ImageSpecification) -> Tagger:
    """Rebuilds the tagger of a checkpoint for the images it will be served.

    Args:
        checkpoint: Written by ``train``.
        served: The specification of the served images; their pixels, added up, are those of the network.

    Raises:
        ExportError: The network was trained on images that are no coarser form of the served ones.
    """
    trained = checkpoint.specification
    pooling, rest = divmod(served.pixels, trained.pixels)
    if rest or dataclasses.replace(trained, pixels=served.pixels) != served:
        message = f"a network for images of {trained} cannot be served {served}: not the same but for pixels"
        raise ExportError(message)
    body = NETWORKS[checkpoint.network_name]()
    body.load_state_dict(checkpoint.average)
    tagger = Tagger(body, pooling)
    tagger.eval()
    return tagger


def export_model(tagger: nn.Module, specification: ImageSpecification, folder: Path) -> Path:
    """Writes ``model.onnx`` and ``model.toml`` into a version folder of a model repository.

    Args:
        tagger: Maps float32 (n, 1, pixels, pixels) to scores (n, 2).
        specification: Of the images it is served.
        folder: Such as ``data/models/toptag_small/1``.

    Returns:
        Path of the ONNX file.

    Raises:
        ExportError: The ONNX file is not valid.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    example = torch.zeros(2, 1, specification.pixels, specification.pixels)
    with warnings.catch_warnings():
        # The exporter that torch prefers needs onnxscript and writes newer operators; torch is pinned, so
        # that the warnings that this one will go one day ask for nothing now.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            tagger,
            (example,),
            path,
            input_names=["images"],
            output_names=["scores"],
            dynamic_axes={"images": {0: "rows"}, "scores": {0: "rows"}},
            opset_version=OPSET,
            dynamo=False,
        )
    try:
        onnx.checker.check_model(onnx.load(path), full_check=True)
    except onnx.checker.ValidationError as error:
        message = f"the exported {path} is not valid ONNX: {error}"
        raise ExportError(message) from error
    (folder / "model.toml").write_text(describe_model(path, specification), encoding="utf-8")
    return path


def describe_model(path: Path, specification: ImageSpecification, *, precision: str = "f32") -> str:
    """Writes the server's description of a model as TOML: signature, hash, labels, image specification."""
    pixels = specification.pixels
    top: dict[str, Any] = {
        "backend": "openvino",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "max_rows": MAX_ROWS,
        "precision": precision,
        "labels": list(LABELS),
        "reproducible": False,
    }
    images = {"name": "images", "datatype": "FP32", "shape": [-1, 1, pixels, pixels]}
    scores = {"name": "scores", "datatype": "FP32", "shape": [-1, len(LABELS)]}
    return "\n\n".join(
        (
            _as_toml(top),
            "[[inputs]]\n" + _as_toml(images),
            "[[outputs]]\n" + _as_toml(scores),
            "[image_spec]\n" + _as_toml(specification.to_dict()) + "\n",
        )
    )


def check_engines(path: Path, tagger: nn.Module, images: npt.NDArray[np.float32]) -> dict[str, float]:
    """Compares scores of the exported file with torch's.

    Args:
        path: The ONNX file.
        tagger: What it was made from.
        images: float32, (n, 1, pixels, pixels).

    Returns:
        Largest difference of any score, by engine.

    Raises:
        ExportError: An engine differs by more than 1e-4.
    """
    with torch.inference_mode():
        expected = tagger(torch.from_numpy(images)).numpy()
    differences = {
        name: float(np.abs(scores(path, images) - expected).max())
        for name, scores in (("onnxruntime", score_with_onnxruntime), ("openvino", score_with_openvino))
    }
    for engine, difference in differences.items():
        if not difference <= AGREEMENT:
            message = f"{engine} differs from torch by {difference:.2g} on {path}, more than {AGREEMENT}"
            raise ExportError(message)
    return differences


def score_with_onnxruntime(path: Path, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores images (n, 1, pixels, pixels) with onnxruntime on the CPU: float32, (n, 2)."""
    # Each engine is loaded only by who compares with it; the CPU engine of the base install is the other one.
    import onnxruntime  # noqa: PLC0415

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    scores: npt.NDArray[np.float32] = session.run(["scores"], {"images": images})[0]
    return scores


def score_with_openvino(path: Path, images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Scores images (n, 1, pixels, pixels) with OpenVINO in float32, in batches of 32: float32, (n, 2)."""
    return openvino_scorer(path)(images)


def openvino_scorer(path: Path) -> Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float32]]:
    """Compiles a model once, for many calls with images (n, 1, pixels, pixels) that give scores (n, 2)."""
    # As above: loaded only by who compares with it.
    import openvino  # noqa: PLC0415

    model = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def score(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        batches = (images[start : start + MAX_ROWS] for start in range(0, len(images), MAX_ROWS))
        return np.concatenate([np.array(model([batch])["scores"]) for batch in batches])

    return score


def _as_toml(fields: Mapping[str, Any]) -> str:
    """Writes flat fields; JSON's strings, numbers, booleans and lists are TOML's too."""
    return "\n".join(f"{name} = {json.dumps(value)}" for name, value in fields.items())
