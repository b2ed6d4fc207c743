"""``eventproc display``: one event as a picture or as a page: crystals, jets, their images and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eventproc.errors import CommandLineError

PAGES = (".html", ".htm")
PICTURES = (".png", ".pdf", ".svg")


def display(
    file: Annotated[str, typer.Argument(help="output of a job, or a file of hits", show_default=False)],
    event: Annotated[
        str, typer.Option(help="the event, as run:lumi:event", metavar="RUN:LUMI:EVENT", show_default=False)
    ] = "",
    entry: Annotated[
        int | None, typer.Option(help="the event, by its place in the file, from 0", show_default="0")
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="what to write: .html, .png, .pdf or .svg")
    ] = Path("event.png"),
    hits: Annotated[
        str | None,
        typer.Option(help="the file with the hits, if the first has none and its job's input is elsewhere"),
    ] = None,
    jets: Annotated[str, typer.Option(help="label of the jets")] = "ecalJets",
    tags: Annotated[str, typer.Option(help="label of their scores")] = "topTags",
    jet_et_min: Annotated[
        float | None,
        typer.Option(
            "--jetEtMin", min=0, help="least ET of jets where the file has none, GeV", show_default="200"
        ),
    ] = None,
) -> None:
    """Draw one event: crystals in eta and phi, jets, the image of each jet, and the scores."""
    if event and entry is not None:
        message = "--event and --entry both choose an event: leave one out"
        raise CommandLineError(message)
    if output.suffix.lower() not in PAGES + PICTURES:
        message = f"{str(output)!r}: the ending must be one of {', '.join(PAGES + PICTURES)}"
        raise CommandLineError(message)
    # uproot, numba and matplotlib take seconds to import, which the list of commands should not wait for.
    from producers.plots.event_choice import parse_event_id  # noqa: PLC0415
    from producers.plots.shown_event import read_shown_event  # noqa: PLC0415

    wanted = parse_event_id(event) if event else entry or 0
    shown = read_shown_event(
        file, wanted, hits_file=hits, jets_label=jets, tags_label=tags, jet_et_min=jet_et_min
    )
    if output.suffix.lower() in PAGES:
        from producers.plots.event_page import write_event_page  # noqa: PLC0415

        write_event_page(shown, output)
    else:
        from producers.plots.event_display import draw_event  # noqa: PLC0415

        draw_event(shown, output)
    typer.echo(f"event {':'.join(map(str, shown.id))}: {len(shown.jets)} jets, hits from {shown.hits_file}")
    typer.echo(f"display: {output}")
