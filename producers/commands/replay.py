"""``eventproc replay``: sends the inference requests of a recorded job at servers again."""

from __future__ import annotations

import asyncio
import json
import math
from pathlib import Path
from typing import Annotated

import typer

from eventproc.errors import CommandLineError, ExternalFailure

AS_FAST_AS_POSSIBLE = "max"
_ANY_MODEL = "any"


def replay(
    recording: Annotated[
        Path, typer.Argument(help="what InferenceService.recordFile named", show_default=False)
    ],
    servers: Annotated[
        str, typer.Option(help="http://host:port of each, with commas between", show_default=False)
    ],
    speed: Annotated[str, typer.Option(help="recorded times are divided by this; 'max' does not wait")] = "1",
    in_flight: Annotated[int, typer.Option("--inFlight", min=1, help="most requests under way")] = 64,
    timeout: Annotated[float, typer.Option(min=0.001, help="time for each request, s")] = 60.0,
    model: Annotated[str, typer.Option(help="ask this model in the place of the recorded one")] = "",
    tolerance: Annotated[
        float | None,
        typer.Option(min=0, help="end with 1 where answers differ by more, or requests fail"),
    ] = None,
    token_file: Annotated[str, typer.Option("--tokenFile", help="file with the bearer token")] = "",
    ca_file: Annotated[str, typer.Option("--caFile", help="certificates to trust for https, PEM")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Send a recorded load again; print rates, latencies, and whether answers agree with those recorded."""
    seconds_per_second = _speed(speed)
    # aiohttp takes a while to import, which the list of commands should not wait for.
    from inference_client.configuration import ClientConfiguration  # noqa: PLC0415
    from inference_client.recording.load import Pace  # noqa: PLC0415
    from producers.inference_errors import as_framework_errors  # noqa: PLC0415
    from producers.recorded_load import load_figures, load_lines, send_load, told_failures  # noqa: PLC0415

    with as_framework_errors():
        configuration = ClientConfiguration(
            model or _ANY_MODEL, servers=servers.split(","), token_file=token_file, ca_file=ca_file
        )
    pace = Pace(seconds_per_second, in_flight, timeout)
    report, shortfall = asyncio.run(send_load(recording, configuration, pace, same_model=not model))
    if as_json:
        typer.echo(json.dumps({**load_figures(report), "shortfall": shortfall}, indent=1))
    else:
        for line in load_lines(report, shortfall):
            typer.echo(line)
    if not report.answered:
        message = f"no request was answered: {told_failures(report.failures)}"
        raise ExternalFailure(message)
    if tolerance is not None and (report.failures or report.agreement.largest > tolerance):
        raise typer.Exit(1)


def _speed(word: str) -> float:
    """Seconds of the recording for each second; 0 for no waiting."""
    if word == AS_FAST_AS_POSSIBLE:
        return 0.0
    try:
        speed = float(word)
    except ValueError:
        speed = math.nan
    if not 0 < speed < math.inf:
        message = f"--speed {word!r}: a number above 0 is wanted, or '{AS_FAST_AS_POSSIBLE}'"
        raise CommandLineError(message)
    return speed
