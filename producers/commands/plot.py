"""``eventproc plot``: score distributions and ROC curve of tagged jets, from output files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def plot(
    files: Annotated[list[Path], typer.Argument(help="output files of a tagging job", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="picture to write: .png, .pdf or .svg")
    ] = Path("top_tagging.png"),
    label: Annotated[str, typer.Option(help="label of the tagger")] = "topTags",
    truth: Annotated[str, typer.Option(help="label of the truth matching")] = "jetTruth",
) -> None:
    """Draw score distributions and the ROC curve of tagged jets, and print the figures of merit."""
    # matplotlib and uproot take a second to import, which the list of commands should not wait for.
    from producers.plots.tagging_plot import draw_tagging, read_tagged_jets  # noqa: PLC0415

    jets = read_tagged_jets(files, label, truth)
    for line in draw_tagging(jets, output):
        typer.echo(line)
    typer.echo(f"picture: {output}")
