"""Tests of models in 8 bits and of the comparison of models, on made-up jets."""

import tomllib
from importlib.util import find_spec

import numpy as np
import pytest

from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.tagging_metrics import measure_tagging
from producers.training.baseline import VARIABLES, baseline_scores, jet_variables
from producers.training.dataset import NO_AUGMENTATION, concatenate, draw_batch
from tests.producers.training.jets import made_up_jets

# Without torch every test here is skipped by name, and these names are not used.
if find_spec("torch") is not None and find_spec("onnx") is not None:
    import onnx
    from onnx import TensorProto, helper

    from producers.training.checkpoint import read_checkpoint
    from producers.training.comparison import compare_taggers, table_lines
    from producers.training.export import ExportError, export_model, load_tagger, score_with_onnxruntime
    from producers.training.quantize import float_nodes, quantize_model
    from producers.training.train import Recipe, Trainer

SERVED = ImageSpecification()
COARSE = ImageSpecification(pixels=56)


@pytest.fixture(scope="module")
def jets():
    return concatenate([made_up_jets("top", 24, 1), made_up_jets("QCD", 24, 2)])


@pytest.fixture(scope="module")
def model(jets, tmp_path_factory):
    """Version folder of a network that has begun to learn to tell made-up jets."""
    recipe = Recipe("small_resnet", COARSE, steps=8, batch_size=8, learning_rate=3e-3, average_decay=0.5)
    trainer = Trainer(recipe)
    trainer.run(jets, 8)
    folder = tmp_path_factory.mktemp("models") / "toptag" / "1"
    trainer.save(folder.parent.parent / "checkpoint.pt", len(jets))
    checkpoint = read_checkpoint(folder.parent.parent / "checkpoint.pt")
    export_model(load_tagger(checkpoint, SERVED), SERVED, folder)
    return folder


def images_of(jets, n=16):
    random = np.random.default_rng(0)
    return draw_batch(jets, np.arange(len(jets))[-n:], SERVED, NO_AUGMENTATION, random)[:, None]


@pytest.mark.requires("train")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_quantised_model_is_smaller_and_scores_nearly_the_same(jets, model, tmp_path):
    images = images_of(jets, len(jets))
    path = quantize_model(model / "model.onnx", images, SERVED, tmp_path / "2")
    assert path.stat().st_size < 0.5 * (model / "model.onnx").stat().st_size
    before, after = (score_with_onnxruntime(file, images)[:, 1] for file in (model / "model.onnx", path))
    assert np.abs(before - after).max() < 0.1
    # Quantised scores would come in steps of 1/255.
    assert len(np.unique(after)) == len(np.unique(before))
    assert tomllib.loads((tmp_path / "2" / "model.toml").read_text())["precision"] == "int8"

    quantised = onnx.load(path)
    producer = {output: node for node in quantised.graph.node for output in node.output}
    head = next(node for node in quantised.graph.node if node.op_type == "Softmax")
    while head.op_type in ("Softmax", "Gemm", "Flatten"):
        head = producer[head.input[0]]
    assert head.op_type == "GlobalAveragePool"
    convolutions = [node for node in quantised.graph.node if node.op_type == "Conv"]
    assert convolutions
    assert all(producer[node.input[1]].op_type == "DequantizeLinear" for node in convolutions)


@pytest.mark.requires("train")
def test_what_has_no_convolution_is_not_quantised():
    columns = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows"]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", columns[:1], columns[1:])
    with pytest.raises(ExportError, match="without convolutions"):
        float_nodes(helper.make_model(graph))


@pytest.mark.requires("train")
def test_models_are_compared_on_the_same_jets(jets, model, monkeypatch):
    monkeypatch.setattr("producers.training.comparison._TIMED_S", 0.05)
    mass = jets.jet_mass.astype(np.float64)
    first, second = compare_taggers({"mass": mass}, {"small": model}, jets)
    assert (first.better_by, first.rates, first.model_bytes) == (None, {}, None)
    assert second.better_by.value == pytest.approx(second.performance.auc.value - first.performance.auc.value)
    assert min(second.rates.values()) > 1
    assert second.rates.keys() == {"openvino", "onnxruntime"}
    rows = list(table_lines([first, second]))
    assert [row.count("|") for row in rows] == [10, 10, 10, 10]
    assert f"{(model / 'model.onnx').stat().st_size:,}" in rows[3]


def test_variables_are_finite_and_as_many_as_their_names(jets):
    variables = jet_variables(jets)
    assert variables.shape == (len(jets), len(VARIABLES))
    assert np.isfinite(variables).all()
    column = dict(zip(VARIABLES, variables.T, strict=True))
    assert column["tau21"] == pytest.approx(column["tau2"] / column["tau1"])
    assert np.array_equal(column["mass"], jets.jet_mass)
    is_top = jets.label == 1
    assert np.median(column["tau1"][is_top]) > 2 * np.median(column["tau1"][~is_top])


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_trees_learn_to_tell_one_prong_from_three(jets):
    held_out = concatenate([made_up_jets("top", 24, 3), made_up_jets("QCD", 24, 4)])
    more = concatenate([jets, made_up_jets("top", 30, 5), made_up_jets("QCD", 30, 6)])
    scores = baseline_scores(more, held_out)
    assert measure_tagging(scores, held_out.label).auc.value > 0.9
