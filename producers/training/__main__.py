"""The commands of training: generate, train, export, evaluate."""

import importlib.util
import logging
import sys
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

if importlib.util.find_spec("torch") is None or importlib.util.find_spec("onnx") is None:
    sys.exit("training needs torch and onnx: pip install 'eventproc[train]'")

import torch

from producers.algorithms.image_specification import ImageSpecification
from producers.samples.generator import GenerationError
from producers.training.dataset import NO_AUGMENTATION, JetSample, draw_batch, leading_jets, load_jets
from producers.training.evaluate import evaluate_model
from producers.training.event_shards import EVENTS_PER_SHARD, generate_shards
from producers.training.export import check_engines, export_model, load_tagger
from producers.training.model_card import write_model_card
from producers.training.networks import NETWORKS
from producers.training.train import Recipe, train

app = typer.Typer(help=__doc__, no_args_is_help=True, add_completion=False)

Events = Annotated[Path, typer.Option(help="Folder of the generated events.")]
Network = Annotated[str, typer.Option(help=f"One of {', '.join(NETWORKS)}.")]
PixelRule = Annotated[str, typer.Option(help="nearest or area; see ImageSpecification.")]
Pixels = Annotated[int, typer.Option(help="Rows of the images the network sees; divides 224.")]

_CHECKED_IMAGES = 32


def _load(events: Path, *, test: bool) -> JetSample:
    """Reads jets, or ends with the reason in words."""
    try:
        return load_jets(events, test=test)
    except FileNotFoundError as error:
        sys.exit(str(error))


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


@app.command("train")
def train_command(
    events: Events,
    folder: Annotated[
        Path, typer.Option(help="For the checkpoint and the learning curve; goes on from there.")
    ],
    network: Network = "small_resnet",
    pixels: Pixels = 56,
    pixel_rule: PixelRule = "nearest",
    steps: Annotated[int, typer.Option(help="Batches in this stage.")] = 10_000,
    batch_size: Annotated[int, typer.Option(help="Jets in a batch.")] = 128,
    learning_rate: Annotated[float, typer.Option(help="Highest of the schedule.")] = 3e-3,
    start_from: Annotated[Path | None, typer.Option(help="Checkpoint of an earlier stage.")] = None,
    bfloat16: Annotated[bool, typer.Option(help="Compute in bfloat16.")] = True,
    threads: Annotated[int, typer.Option(help="Threads of torch.")] = 1,
    report_every: Annotated[int, typer.Option(help="Steps between checkpoints.")] = 500,
) -> None:
    """Trains one stage of a network; stopped and called again, it goes on from its checkpoint."""
    torch.set_num_threads(threads)
    if network not in NETWORKS:
        sys.exit(f"no network {network!r}; there are {', '.join(NETWORKS)}")
    recipe = Recipe(
        network=network,
        specification=ImageSpecification(pixels=pixels, pixel_rule=pixel_rule),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        bfloat16=bfloat16,
    )
    training, validation = _load(events, test=False), leading_jets(_load(events, test=True))
    typer.echo(f"{len(training)} jets to train on, {len(validation)} held out")
    performance = train(
        recipe, training, validation, folder, start_from=start_from, report_every=report_every
    )
    typer.echo(f"AUC {performance.auc}, rejection {performance.rejection_at_30} at 30%")


@app.command()
def export(
    events: Events,
    checkpoint: Annotated[Path, typer.Option(help="Written by train.")],
    folder: Annotated[Path, typer.Option(help="Version folder, such as data/models/toptag_small/1.")],
    network: Network = "small_resnet",
    pixels: Pixels = 56,
    pixel_rule: PixelRule = "nearest",
) -> None:
    """Writes model.onnx and model.toml, and checks them with onnxruntime and OpenVINO on held-out jets."""
    served = ImageSpecification(pixel_rule=pixel_rule)
    if served.pixels % pixels:
        sys.exit(
            f"a network for {pixels} pixels cannot be served images of {served.pixels}: no whole multiple"
        )
    tagger = load_tagger(network, checkpoint, served.pixels // pixels)
    path = export_model(tagger, served, folder)
    jets = leading_jets(_load(events, test=True))
    images = draw_batch(jets, np.arange(_CHECKED_IMAGES), served, NO_AUGMENTATION, np.random.default_rng(0))
    differences = check_engines(path, tagger, images[:, None])
    typer.echo(f"{path}: {path.stat().st_size:,} bytes; largest difference from torch {differences}")


@app.command()
def evaluate(
    events: Events,
    folder: Annotated[Path, typer.Option(help="Version folder of the exported model.")],
    network: Network = "small_resnet",
    pixels: Pixels = 56,
) -> None:
    """Measures an exported model on the held-out jets and writes its card, README.md, beside it."""
    jets = leading_jets(_load(events, test=True))
    n_training_jets = len(_load(events, test=False))
    evaluation = evaluate_model(folder, jets)
    card = folder / "README.md"
    write_model_card(card, folder.parent.name, network, evaluation, n_training_jets, pixels)
    typer.echo(card.read_text(encoding="utf-8"))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    app()
