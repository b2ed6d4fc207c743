"""Writes the network of JetShapeTagger as a model that the server can load, with its card."""

import hashlib
import json
import textwrap
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from producers.algorithms.jet_shape import FEATURES, shape_specification
from producers.algorithms.tagging_metrics import TaggingPerformance, measure_tagging
from producers.training.dataset import JetSample
from producers.training.shape_network import HIDDEN, LABELS, ShapeNetwork, jet_features

MAX_ROWS: Final = 256
_OPSET, _IR_VERSION = 17, 8

_CARD: Final = """\
# {name}

Tells jets of hadronically decaying top quarks from QCD jets, by twelve numbers of the crystals of a jet. It
serves the second example of an inference module, `JetShapeTagger`; `toptag_small` is the better tagger.

- Network: {hidden} hidden units with ReLU, {model_bytes:,} bytes of ONNX in float32. The graph itself
  subtracts means and divides by widths.
- Input `features`: float32, (rows, {n_features}); `producers/algorithms/jet_shape.py` says what they are:
  {features}.
- Output `scores`: float32, (rows, 2), probabilities of QCD and top.
- Trained on {n_training:,} simulated jets of ET > 150 GeV and |eta| < 1, as `toptag_small` was.

## Measured
On the leading jets (ET > 200 GeV, |eta| < 1) of events that were never trained on: {n_signal:,} top and
{n_background:,} QCD jets. Errors are statistical.

| | this model | jet mass alone |
|---|---|---|
| AUC | {auc} | {mass_auc} |
| background rejection at 30% signal efficiency | {rejection_at_30} | {mass_rejection_at_30} |
| background rejection at 50% signal efficiency | {rejection_at_50} | {mass_rejection_at_50} |
| accuracy at a score of 0.5 | {accuracy} | |

## Limits
As those of `toptag_small`: simulation only, no pile-up, jets of these energies and |eta| < 1.

## Made by
`python -m producers.training shape`; the full command is in `data/README.md`.
"""


def export_shape_network(network: ShapeNetwork, folder: Path) -> Path:
    """Writes ``model.onnx`` and ``model.toml`` into a version folder of a model repository.

    Returns:
        Path of the ONNX file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "model.onnx"
    graph = helper.make_model(
        _graph(network), opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION
    )
    onnx.checker.check_model(graph, full_check=True)
    path.write_bytes(graph.SerializeToString(deterministic=True))
    (folder / "model.toml").write_text(_description(path), encoding="utf-8")
    return path


def write_shape_card(path: Path, network: ShapeNetwork, test: JetSample) -> TaggingPerformance:
    """Measures a network on jets that it was not trained on and writes its card.

    Args:
        path: ``README.md`` beside the exported model.
        network: What was exported there.
        test: Leading jets that were held out.
    """
    found = measure_tagging(network.scores(jet_features(test))[:, 1], test.label)
    mass = measure_tagging(test.jet_mass, test.label)
    page = _CARD.format(
        name=path.parent.parent.name,
        hidden=" and ".join(map(str, HIDDEN)),
        n_features=len(FEATURES),
        features=textwrap.fill(", ".join(FEATURES), 100, subsequent_indent="  "),
        model_bytes=(path.parent / "model.onnx").stat().st_size,
        n_training=network.n_training_jets,
        n_signal=found.n_signal,
        n_background=found.n_background,
        auc=found.auc,
        mass_auc=mass.auc,
        rejection_at_30=found.rejection_at_30,
        mass_rejection_at_30=mass.rejection_at_30,
        rejection_at_50=found.rejection_at_50,
        mass_rejection_at_50=mass.rejection_at_50,
        accuracy=found.accuracy,
    )
    path.write_text(page, encoding="utf-8")
    return found


def _graph(network: ShapeNetwork) -> Any:
    nodes = [
        helper.make_node("Sub", ["features", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "width"], ["hidden_0"]),
    ]
    constants = {"mean": network.mean, "width": network.width}
    for number, (weights, bias) in enumerate(network.layers):
        is_last = number == len(network.layers) - 1
        # QCD's logit is 0, so that the softmax of both is the sigmoid of the other.
        constants[f"weights_{number}"] = np.pad(weights, ((0, 0), (1, 0))) if is_last else weights
        constants[f"bias_{number}"] = np.pad(bias, (1, 0)) if is_last else bias
        names = [f"hidden_{number}", f"weights_{number}", f"bias_{number}"]
        nodes.append(helper.make_node("Gemm", names, [f"sum_{number}"]))
        end = ("Softmax", "scores") if is_last else ("Relu", f"hidden_{number + 1}")
        nodes.append(helper.make_node(end[0], [f"sum_{number}"], [end[1]]))
    tensors = [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()]
    inputs = [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", len(FEATURES)])]
    outputs = [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", len(LABELS)])]
    return helper.make_graph(nodes, "jet_shape", inputs, outputs, tensors)


def _description(path: Path) -> str:
    """The server's description as TOML; JSON's strings, numbers, booleans and lists are TOML's too."""
    sections: dict[str, dict[str, object]] = {
        "": {
            "backend": "openvino",
            "file": path.name,
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "max_rows": MAX_ROWS,
            "precision": "f32",
            "labels": list(LABELS),
            "reproducible": False,
        },
        "[[inputs]]": {"name": "features", "datatype": "FP32", "shape": [-1, len(FEATURES)]},
        "[[outputs]]": {"name": "scores", "datatype": "FP32", "shape": [-1, len(LABELS)]},
        "[image_spec]": shape_specification(),
    }
    texts = (
        "\n".join([*([head] if head else []), *(f"{k} = {json.dumps(v)}" for k, v in fields.items())])
        for head, fields in sections.items()
    )
    return "\n\n".join(texts) + "\n"
