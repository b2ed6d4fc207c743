"""Tests of training, export and evaluation, on made-up jets."""

import dataclasses
import json
import os
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from producers.algorithms.image_specification import ImageSpecification
from producers.training.dataset import NO_AUGMENTATION, concatenate, draw_batch
from tests.producers.training.jets import made_up_jets

# Without torch every test here is skipped by name, and these names are not used.
if find_spec("torch") is not None and find_spec("onnx") is not None:
    import torch

    from producers.training import export
    from producers.training.__main__ import app
    from producers.training.checkpoint import CheckpointError, read_checkpoint
    from producers.training.evaluate import evaluate_model
    from producers.training.export import ExportError, check_engines, export_model, load_tagger
    from producers.training.model_card import write_model_card
    from producers.training.networks import NETWORKS, Tagger
    from producers.training.train import DeviceError, Recipe, Trainer, choose_device, train

pytestmark = pytest.mark.requires("train")

COARSE = ImageSpecification(pixels=56)
SIZES = {"small_resnet": 174_706, "small_convnext": 220_418, "resnet50": 23_505_858}


@pytest.fixture(scope="module")
def jets():
    return concatenate([made_up_jets("top", 24, 1), made_up_jets("QCD", 24, 2)])


def recipe(**changes):
    return Recipe(
        **{"network": "small_resnet", "specification": COARSE, "steps": 4, "batch_size": 8} | changes
    )


@pytest.mark.parametrize("network", SIZES)
def test_two_steps_change_every_weight(network, jets):
    trainer = Trainer(recipe(network=network))
    assert sum(weight.numel() for weight in trainer.network.parameters()) == SIZES[network]
    before = [weight.detach().clone() for weight in trainer.network.parameters()]
    assert np.isfinite(trainer.run(jets, 2))
    assert trainer.step == 2
    for old, new in zip(before, trainer.network.parameters(), strict=True):
        assert not torch.equal(old, new)


def test_a_network_learns_to_tell_one_prong_from_three(jets, tmp_path):
    # From the made-up events of other seeds.
    held_out = concatenate([made_up_jets("top", 24, 3), made_up_jets("QCD", 24, 4)])
    performance = train(recipe(steps=30, learning_rate=3e-3, average_decay=0.9), jets, held_out, tmp_path)
    assert performance.auc.value > 0.9


def test_training_that_was_stopped_goes_on_to_the_same_weights(jets, tmp_path):
    torch.set_num_threads(1)
    train(recipe(), jets, jets, tmp_path / "whole", report_every=4)
    broken = Trainer(recipe())
    broken.run(jets, 3)
    (tmp_path / "broken").mkdir()
    broken.save(tmp_path / "broken" / "checkpoint.pt", len(jets))
    train(recipe(), jets, jets, tmp_path / "broken", report_every=4)
    files = (tmp_path / name / "checkpoint.pt" for name in ("whole", "broken"))
    whole, resumed = (read_checkpoint(file).average for file in files)
    for name, weight in whole.items():
        torch.testing.assert_close(resumed[name], weight, msg=name)
    assert len((tmp_path / "broken" / "curve.tsv").read_text().splitlines()) == 1


def test_a_stage_begins_with_the_weights_of_the_one_before(jets, tmp_path):
    train(recipe(steps=2), jets, jets, tmp_path / "first")
    trainer = Trainer(recipe(specification=ImageSpecification(pixels=112)))
    trainer.start_from(tmp_path / "first" / "checkpoint.pt")
    for name, weight in read_checkpoint(tmp_path / "first" / "checkpoint.pt").average.items():
        assert torch.equal(trainer.network.state_dict()[name], weight)


def test_a_device_is_chosen_or_refused_in_words():
    assert choose_device("cpu").type == "cpu"
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(DeviceError, match="cannot train on 'cuda:99'"):
        choose_device("cuda:99")


def test_the_learning_rate_warms_up_and_falls_to_nothing():
    rates = [recipe(steps=100, learning_rate=1.0).learning_rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.2)
    assert max(rates) == pytest.approx(1.0)
    assert rates[-1] < 0.001
    assert np.argmax(rates) in (4, 5)


@pytest.mark.parametrize("network", SIZES)
def test_fine_images_score_as_the_coarse_ones_the_network_was_trained_on(network, jets):
    body = NETWORKS[network]().eval()
    random = np.random.default_rng(0)
    fine, coarse = (
        torch.from_numpy(draw_batch(jets, np.arange(4), specification, NO_AUGMENTATION, random)[:, None])
        for specification in (ImageSpecification(), COARSE)
    )
    with torch.inference_mode():
        torch.testing.assert_close(
            Tagger(body, 4)(fine), torch.softmax(body(coarse), dim=1), atol=1e-5, rtol=0
        )


def test_the_exported_model_is_the_trained_one_and_describes_itself(jets, tmp_path):
    train(recipe(steps=2), jets, jets, tmp_path / "stage")
    checkpoint = read_checkpoint(tmp_path / "stage" / "checkpoint.pt")
    tagger = load_tagger(checkpoint, ImageSpecification())
    folder = tmp_path / "toptag" / "1"
    path = export_model(tagger, ImageSpecification(), folder)
    images = draw_batch(jets, np.arange(5), ImageSpecification(), NO_AUGMENTATION, np.random.default_rng(0))
    assert max(check_engines(path, tagger, images[:, None]).values()) < 1e-4
    assert path.stat().st_size < 2_000_000

    description = tomllib.loads((folder / "model.toml").read_text())
    assert ImageSpecification.from_dict(description["image_spec"]) == ImageSpecification()
    assert description["inputs"] == [{"name": "images", "datatype": "FP32", "shape": [-1, 1, 224, 224]}]
    assert description["outputs"] == [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}]
    assert description["labels"] == ["QCD", "top"]
    assert len(description["sha256"]) == 64

    evaluation = evaluate_model(folder, jets, jets.jet_mass.astype(np.float64))
    assert evaluation.model.n_signal == (jets.label == 1).sum()
    assert evaluation.lit_pixels > 10
    write_model_card(folder / "README.md", "toptag", checkpoint, evaluation)
    card = (folder / "README.md").read_text()
    assert card.startswith("# toptag\n")
    assert str(evaluation.model.auc) in card
    assert evaluation.baseline.auc == evaluation.mass.auc
    assert "the same in float32" not in card

    beside = evaluate_model(folder, jets, jets.jet_mass.astype(np.float64), full_precision=folder)
    assert beside.full_precision == evaluation.model
    assert beside.loss.value == 0
    write_model_card(folder / "README.md", "toptag", checkpoint, beside)
    (row,) = (line for line in (folder / "README.md").read_text().splitlines() if line.startswith("| AUC"))
    assert row.split(" | ")[1:3] == [str(beside.model.auc)] * 2


def test_a_checkpoint_is_taken_for_nothing_else(jets, tmp_path):
    train(recipe(steps=1), jets, jets, tmp_path)
    path = tmp_path / "checkpoint.pt"
    with pytest.raises(CheckpointError, match="another folder"):
        train(recipe(specification=ImageSpecification(pixels=112)), jets, jets, tmp_path)
    with pytest.raises(CheckpointError, match="it is a small_resnet"):
        Trainer(recipe(network="resnet50")).start_from(path)
    for other in (ImageSpecification(pixels=100), ImageSpecification(pixel_rule="area")):
        with pytest.raises(ExportError, match="cannot be served"):
            load_tagger(read_checkpoint(path), other)
    torch.save({"step": 1}, path)
    with pytest.raises(CheckpointError, match="is no checkpoint"):
        read_checkpoint(path)


def test_an_engine_that_disagrees_is_named(jets, tmp_path, monkeypatch):
    tagger = Tagger(NETWORKS["small_resnet"](), 4).eval()
    path = export_model(tagger, ImageSpecification(), tmp_path)
    monkeypatch.setattr(export, "score_with_openvino", lambda _path, images: np.zeros((len(images), 2)))
    with pytest.raises(ExportError, match="openvino differs"):
        check_engines(path, tagger, np.zeros((1, 1, 224, 224), np.float32))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train", "--network", "resnet51", "--events", "e", "--folder", "f"], "small_convnext, resnet50"),
        (["export", "--events", "e", "--folder", "f", "--checkpoint", "c"], "cannot read the checkpoint c"),
        (["train", "--events", "nowhere", "--folder", "f"], "generate"),
        (["train", "--events", "e", "--folder", "f", "--device", "abacus"], "cannot train on 'abacus'"),
        (["compare", "--events", "e", "a=nowhere"], "no model.toml in 'nowhere'"),
        (["quantize", "--events", "e", "--source", "nowhere", "--folder", "f"], "nowhere holds no model"),
    ],
)
def test_commands_say_what_is_wrong(words, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert message in result.output


def test_the_commands_are_listed():
    command = [sys.executable, "-m", "producers.training", "--help"]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3]), "COLUMNS": "100"}
    result = subprocess.run(command, capture_output=True, text=True, timeout=100, env=environment, check=True)
    for name in ("generate", "train", "export", "evaluate", "quantize", "compare"):
        assert f" {name} " in result.stdout


def test_a_recipe_can_be_written_down():
    assert json.loads(json.dumps(dataclasses.asdict(recipe())))["network"] == "small_resnet"
