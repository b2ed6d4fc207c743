"""Tests of the small network: it learns, the same jets give the same file, and engines agree with it."""

import tomllib

import numpy as np
import onnx
import pytest

from producers.algorithms.jet_shape import FEATURES, shape_specification
from producers.algorithms.tagging_metrics import measure_tagging
from producers.training.dataset import concatenate
from producers.training.shape_export import export_shape_network, write_shape_card
from producers.training.shape_network import ShapeNetwork, jet_features, train_shape_network
from tests.producers.training.jets import made_up_jets


@pytest.fixture(scope="module")
def jets():
    return concatenate([made_up_jets("top", 150, 1), made_up_jets("QCD", 150, 2)])


@pytest.fixture(scope="module")
def network(jets):
    return train_shape_network(jet_features(jets), jets.label)


def test_it_learns_to_tell_three_prongs_from_one(network):
    others = concatenate([made_up_jets("top", 60, 3), made_up_jets("QCD", 60, 4)])
    scores = network.scores(jet_features(others))
    assert scores.sum(axis=1) == pytest.approx(1.0, abs=1e-6)
    assert measure_tagging(scores[:, 1], others.label).auc.value > 0.95


def test_the_same_jets_give_the_same_file(network, jets, tmp_path):
    again = train_shape_network(jet_features(jets), jets.label)
    paths = [export_shape_network(one, tmp_path / name) for one, name in ((network, "a"), (again, "b"))]
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_the_graph_computes_what_was_trained(network, jets, tmp_path):
    # Imported here: once its libtbb is in a process, Intel's OpenCL runtime finds no device in it.
    import openvino  # noqa: PLC0415

    path = export_shape_network(network, tmp_path)
    onnx.checker.check_model(onnx.load(path), full_check=True)
    features = jet_features(jets)
    served = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    np.testing.assert_allclose(np.array(served([features])["scores"]), network.scores(features), atol=1e-5)
    assert path.stat().st_size < 100_000


def test_the_description_says_what_the_numbers_are(network, tmp_path):
    export_shape_network(network, tmp_path)
    said = tomllib.loads((tmp_path / "model.toml").read_text())
    assert said["image_spec"] == shape_specification()
    assert said["inputs"] == [{"name": "features", "datatype": "FP32", "shape": [-1, len(FEATURES)]}]
    assert said["labels"] == ["QCD", "top"]


def test_the_card_holds_what_was_measured(network, jets, tmp_path):
    folder = tmp_path / "tiny" / "1"
    export_shape_network(network, folder)
    found = write_shape_card(folder / "README.md", network, jets)
    page = (folder / "README.md").read_text()
    assert page.startswith("# tiny\n")
    assert f"| AUC | {found.auc} |" in page


def test_a_number_that_is_the_same_in_all_jets_does_no_harm():
    features = np.zeros((400, len(FEATURES)), np.float32)
    features[200:, 0] = 1.0
    network = train_shape_network(features, np.repeat([0, 1], 200))
    assert isinstance(network, ShapeNetwork)
    assert np.isfinite(network.scores(features)).all()
