"""The commands of training: generate, prepare, train, export, evaluate, quantize, shape, compare."""

import dataclasses
import importlib.util
import logging
import sys
import tomllib
from pathlib import Path
from typing import Annotated

import numpy as np
import numpy.typing as npt
import typer

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("onnx") is None:
    sys.exit("training needs torch and onnx: pip install 'eventproc[train]'")

import torch

from eventproc.errors import EventProcError
from producers.algorithms.image_specification import PIXEL_RULES, ImageSpecification
from producers.plots.roc_comparison import draw_roc_curves
from producers.samples.generator import GenerationError
from producers.training.baseline import baseline_scores
from producers.training.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from producers.training.comparison import compare_taggers, table_lines
from producers.training.dataset import (
    NO_AUGMENTATION,
    JetSample,
    draw_batch,
    leading_jets,
    load_jets,
    random_jets,
)
from producers.training.evaluate import evaluate_model
from producers.training.event_files import PreparationError, prepare_jets
from producers.training.event_shards import EVENTS_PER_SHARD, generate_shards
from producers.training.export import ExportError, check_engines, export_model, load_tagger
from producers.training.model_card import write_model_card
from producers.training.networks import NETWORKS
from producers.training.quantize import CALIBRATION_IMAGES, quantize_model
from producers.training.shape_export import export_shape_network, write_shape_card
from producers.training.shape_network import jet_features, train_shape_network
from producers.training.train import DeviceError, Recipe, choose_device, train

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

Events = Annotated[Path, typer.Option(help="Folder of the generated events.")]
CheckpointFile = Annotated[Path, typer.Option(help="Written by train.")]

_CHECKED_IMAGES = 32
KEPT_SCORES = "scores"
"""Folder, inside that of the events, of scores that were computed."""


def _load(events: Path, *, test: bool) -> JetSample:
    """Reads jets, or ends with the reason in words."""
    try:
        return load_jets(events, test=test)
    except FileNotFoundError as error:
        sys.exit(str(error))


def _read(path: Path) -> Checkpoint:
    """Reads a checkpoint, or ends with the reason in words."""
    try:
        return read_checkpoint(path)
    except (OSError, CheckpointError) as error:
        sys.exit(f"cannot read the checkpoint {path}: {error}")


def _baseline(events: Path, jets: JetSample) -> npt.NDArray[np.float64]:
    """Trains boosted trees and scores jets with them, or ends with the reason in words."""
    if importlib.util.find_spec("sklearn") is None:
        sys.exit("boosted trees need scikit-learn: pip install 'eventproc[train]'")
    return baseline_scores(_load(events, test=False), jets)


@app.command()
def generate(
    events: Events,
    n_events: Annotated[int, typer.Option("--n-events", help="Events of each process.")] = 40_000,
) -> None:
    """Generates top and QCD events, 1000 in a file; files that are there already are kept."""
    n_shards = -(-n_events // EVENTS_PER_SHARD)
    try:
        for number, path in enumerate(generate_shards(events, n_shards), start=1):
            typer.echo(f"{number} of {2 * n_shards}: {path}")
    except GenerationError as error:
        sys.exit(str(error))


@app.command()
def prepare(
    events: Events,
    files: Annotated[list[Path], typer.Argument(help="Files of events, named such as top-0004.root.")],
) -> None:
    """Makes jets of files of events by the modules that serve; files that are done already are kept."""
    try:
        for path in prepare_jets(files, events):
            typer.echo(str(path))
    except (PreparationError, ValueError, EventProcError) as error:
        sys.exit(str(error))


@app.command("train")
def train_command(
    events: Events,
    folder: Annotated[
        Path, typer.Option(help="For the checkpoint and the learning curve; goes on from there.")
    ],
    network: Annotated[str, typer.Option(help=f"One of {', '.join(NETWORKS)}.")] = "small_resnet",
    pixels: Annotated[int, typer.Option(help="Rows of the images it sees; divides 224.")] = 56,
    pixel_rule: Annotated[str, typer.Option(help=f"One of {', '.join(PIXEL_RULES)}.")] = "nearest",
    steps: Annotated[int, typer.Option(help="Batches in this stage.")] = 10_000,
    batch_size: Annotated[int, typer.Option(help="Jets in a batch.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Highest of the schedule.")] = 3e-3,
    start_from: Annotated[Path | None, typer.Option(help="Checkpoint of an earlier stage.")] = None,
    bfloat16: Annotated[bool, typer.Option(help="Compute in bfloat16.")] = True,
    threads: Annotated[int, typer.Option(help="Threads of torch.")] = 1,
    report_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 500,
    measured_jets: Annotated[
        int, typer.Option(help="Held-out jets to measure on at checkpoints, at most; `evaluate` takes all.")
    ] = 20_000,
    device: Annotated[str, typer.Option(help="Such as cpu or cuda; auto: a GPU if there is one.")] = "auto",
) -> None:
    """Trains one stage of a network; stopped and called again, it goes on from its checkpoint."""
    torch.set_num_threads(threads)
    if network not in NETWORKS:
        sys.exit(f"no network {network!r}; there are {', '.join(NETWORKS)}")
    try:
        place = choose_device(device)
    except DeviceError as error:
        sys.exit(str(error))
    recipe = Recipe(
        network=network,
        specification=ImageSpecification(pixels=pixels, pixel_rule=pixel_rule),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        bfloat16=bfloat16,
    )
    training, held_out = _load(events, test=False), leading_jets(_load(events, test=True))
    validation = random_jets(held_out, measured_jets)
    typer.echo(
        f"{len(training)} jets to train on, {len(validation)} of {len(held_out)} held out measured at "
        f"checkpoints; computing on {place}"
    )
    try:
        performance = train(
            recipe,
            training,
            validation,
            folder,
            start_from=start_from,
            report_every=report_every,
            device=place,
        )
    except (OSError, CheckpointError) as error:
        sys.exit(str(error))
    typer.echo(f"AUC {performance.auc}, rejection {performance.rejection_at_30} at 30%")


@app.command()
def export(
    events: Events,
    checkpoint: CheckpointFile,
    folder: Annotated[Path, typer.Option(help="Version folder, such as data/models/toptag_small/1.")],
) -> None:
    """Writes model.onnx and model.toml, and checks them with onnxruntime and OpenVINO on held-out jets."""
    trained = _read(checkpoint)
    served = dataclasses.replace(trained.specification, pixels=ImageSpecification().pixels)
    try:
        tagger = load_tagger(trained, served)
    except ExportError as error:
        sys.exit(str(error))
    path = export_model(tagger, served, folder)
    jets = leading_jets(_load(events, test=True))
    images = draw_batch(jets, np.arange(_CHECKED_IMAGES), served, NO_AUGMENTATION, np.random.default_rng(0))
    differences = check_engines(path, tagger, images[:, None])
    typer.echo(f"{path}: {path.stat().st_size:,} bytes; largest difference from torch {differences}")


@app.command()
def evaluate(
    events: Events,
    checkpoint: CheckpointFile,
    folder: Annotated[Path, typer.Option(help="Version folder of the exported model.")],
    full_precision: Annotated[
        Path | None, typer.Option(help="Version folder of the same network in float32, to measure beside it.")
    ] = None,
) -> None:
    """Measures an exported model on the held-out jets and writes its card, README.md, beside it."""
    trained = _read(checkpoint)
    jets = leading_jets(_load(events, test=True))
    evaluation = evaluate_model(
        folder, jets, _baseline(events, jets), full_precision, keep=events / KEPT_SCORES
    )
    card = folder / "README.md"
    write_model_card(card, folder.parent.name, trained, evaluation)
    typer.echo(card.read_text(encoding="utf-8"))


@app.command()
def quantize(
    events: Events,
    source: Annotated[Path, typer.Option(help="Version folder of a model in float32.")],
    folder: Annotated[Path, typer.Option(help="Version folder of the quantised model.")],
) -> None:
    """Writes a model in 8 bits, its ranges found on jets that were trained on."""
    if not (source / "model.onnx").is_file():
        sys.exit(f"cannot quantise: {source} holds no model.onnx")
    jets = _load(events, test=False)
    description = tomllib.loads((source / "model.toml").read_text(encoding="utf-8"))
    specification = ImageSpecification.from_dict(description["image_spec"])
    # The jets are in order of their process: a sample of all of them is what is typical.
    chosen = np.random.default_rng(0).choice(len(jets), min(CALIBRATION_IMAGES, len(jets)), replace=False)
    images = draw_batch(jets, chosen, specification, NO_AUGMENTATION, np.random.default_rng(0))
    path = quantize_model(source / "model.onnx", images[:, None], specification, folder)
    typer.echo(f"{path}: {path.stat().st_size:,} bytes, {(source / 'model.onnx').stat().st_size:,} before")


@app.command()
def shape(
    events: Events,
    folder: Annotated[Path, typer.Option(help="Version folder, such as data/models/toptag_shape/1.")],
) -> None:
    """Trains the small network of JetShapeTagger and writes model.onnx, model.toml and its card."""
    training = _load(events, test=False)
    network = train_shape_network(jet_features(training), training.label)
    path = export_shape_network(network, folder)
    found = write_shape_card(folder / "README.md", network, leading_jets(_load(events, test=True)))
    typer.echo(f"{path}: {path.stat().st_size:,} bytes, AUC {found.auc}")


@app.command()
def compare(
    events: Events,
    models: Annotated[list[str], typer.Argument(help="Models to compare, name=version folder.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Picture of the ROC curves.")] = Path(
        "roc.png"
    ),
) -> None:
    """Sets models and boosted trees side by side on the held-out jets: a table and a picture."""
    folders = {name: Path(folder) for name, _, folder in (model.partition("=") for model in models)}
    for name, folder in folders.items():
        if not (folder / "model.toml").is_file():
            sys.exit(f"cannot compare {name!r}: no model.toml in {str(folder)!r}; write name=version folder")
    jets = leading_jets(_load(events, test=True))
    known = {"boosted trees": _baseline(events, jets), "jet mass": jets.jet_mass.astype(np.float64)}
    taggers = compare_taggers(known, folders, jets, keep=events / KEPT_SCORES)
    for line in table_lines(taggers):
        typer.echo(line)
    try:
        draw_roc_curves({tagger.name: tagger.scores for tagger in taggers}, jets.label, output)
    except EventProcError as error:
        sys.exit(str(error))
    typer.echo(f"\npicture: {output}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    app()
