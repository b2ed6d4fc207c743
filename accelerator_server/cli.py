"""The command `accelerator-server`: serve, models, check, bench."""

import asyncio
import functools
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from accelerator_server.bench import BenchReport, bench_model
from accelerator_server.config import Override, ServerConfig, parse_override, read_server_config
from accelerator_server.errors import StartError
from accelerator_server.http.access_log import logger as access_logger
from accelerator_server.lifecycle import AcceleratorServer, serve
from accelerator_server.limits.descriptors import raise_limit
from accelerator_server.models.isolation import is_isolated
from accelerator_server.models.model_loading import load_here, load_model
from accelerator_server.models.repository import (
    ModelFolder,
    check_overrides,
    find_left_alone,
    find_models,
    find_versions,
    model_at,
    versions_to_serve,
)
from accelerator_server.models.worker_count import count_workers
from accelerator_server.workers.roster import WorkerRoster

logger = logging.getLogger(__name__)

app = typer.Typer(
    help="Serves models with the Open Inference Protocol v2.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)

Repository = Annotated[Path, typer.Argument(help="Folder of models: <name>/<version>/model.toml.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="MODEL.KEY=VALUE", help="Overrides a key of model.toml; MODEL may be *."),
]


def main() -> None:
    """Entry point; a start that fails ends with one line on stderr and the error's exit code."""
    try:
        app()
    except StartError as error:
        sys.stderr.write(f"accelerator-server: {error}\n")
        raise SystemExit(error.exit_code) from None


@app.command("serve")
def serve_command(
    repository: Repository,
    host: Annotated[str | None, typer.Option(help="Address to listen on; default 127.0.0.1.")] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port to listen on; 0, the default, takes a free one."),
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with the server's limits.")] = None,
    overrides: Overrides = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Load this model only; may be repeated. Default: all.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="End if any model is refused.")] = False,
    access_log: Annotated[
        bool, typer.Option("--access-log", help="One JSON line on stderr for each request.")
    ] = False,
    exit_with_parent: Annotated[
        bool, typer.Option("--exit-with-parent", help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Serves until SIGTERM or SIGINT; prints the address on stdout when ready, logs on stderr.

    Exit codes: 0 stopped and all requests answered, 1 some were not, 2 usage, 3 configuration, 4 model
    refused, 5 backend or device not here, 6 address taken.
    """
    _log_to_stderr()
    server_config = _server_config(config, host, port, access_log=access_log)
    if server_config.access_log:
        _write_access_as_it_is()
    names, parsed = model or (), _parsed(overrides)
    raise_limit(server_config.max_connections, count_workers(repository, names, parsed, server_config))
    server = functools.partial(
        AcceleratorServer, server_config, repository, parsed, strict=strict, names=names
    )
    raise SystemExit(_run(server, with_parent=exit_with_parent))


@app.command("models")
def models_command(repository: Repository) -> None:
    """Lists the models of a repository: name, version, backend, precision, rows, inputs, outputs."""
    errors = [error for folder in find_models(repository) if (error := _list(folder))]
    if errors:
        raise SystemExit(errors[0].exit_code)


@app.command("check")
def check_command(repository: Repository, overrides: Overrides = None) -> None:
    """Loads the versions that would be served, runs them on zeros, and says what is wrong.

    The exit code is that of `serve --strict`.
    """
    parsed = _parsed(overrides)
    folders = find_models(repository)
    check_overrides(parsed, folders)
    workers = WorkerRoster(ServerConfig().trial_timeout_s)
    errors = [error for newest in folders for error in _check_versions(repository, newest, parsed, workers)]
    for path in find_left_alone(repository):
        typer.echo(f"{path.name}: left alone; a model is <name>/<whole number>/model.toml, complete")
    if errors:
        raise SystemExit(errors[0].exit_code)


@app.command("bench")
def bench_command(
    model: Annotated[Path, typer.Argument(help="Folder of a model or of one of its versions.")],
    batch: Annotated[str, typer.Option(metavar="N,N,...", help="Rows of a call.")] = "1",
    clients: Annotated[
        str,
        typer.Option(
            metavar="N,N,...",
            help="Callers at the same time; default as many as the device takes at once.",
        ),
    ] = "",
    duration: Annotated[float, typer.Option(min=0.0, help="Seconds for each batch size and clients.")] = 2.0,
    instances: Annotated[int | None, typer.Option(min=1, help="Load the model so many times.")] = None,
    overrides: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object in place of the table.")] = False,
) -> None:
    """Calls a model in this process, with no server and no wire: the speed of the device itself.

    Every caller asks again as soon as it has its answer. Exit codes as of `serve`.
    """
    batch_sizes = _counts(batch)
    numbers_of_clients = _counts(clients) if clients else []
    folder = model_at(model)
    parsed = _parsed(overrides)
    check_overrides(parsed, [folder])
    if instances:
        parsed.append(Override(f"{folder.name}.instances", instances))
    loaded = load_model(folder, parsed)
    try:
        report = bench_model(loaded, batch_sizes, numbers_of_clients, duration)
    finally:
        loaded.close()
    if as_json:
        typer.echo(msgspec.json.encode(report))
    else:
        Console().print(_table(report))


def _counts(text: str) -> list[int]:
    words = text.split(",")
    if not all(word.isdecimal() and int(word) for word in words):
        message = f"{text!r} is not a list of positive whole numbers, as in 1,8,32"
        raise typer.BadParameter(message)
    return [int(word) for word in words]


def _table(report: BenchReport) -> Table:
    devices = ", ".join(dict.fromkeys(report.devices))
    padded = f", padded to {report.padded_rows} rows" if report.padded_rows else ""
    table = Table(
        title=f"{report.model} {report.version}: {report.backend} {report.precision} on {devices}, "
        f"{report.calls_at_once} at once{padded}",
        # Without lines between them the figures of a quick device fit into 80 columns.
        box=None,
        title_justify="left",
        pad_edge=False,
    )
    for heading in ("batch", "clients", "rows/s", "p50 ms", "p90 ms", "p99 ms", "run ms", "calls"):
        table.add_column(heading, justify="right", no_wrap=True)
    for point in report.points:
        latencies_ms = (point.latency_p50_ms, point.latency_p90_ms, point.latency_p99_ms, point.run_p50_ms)
        table.add_row(
            f"{point.batch_rows}",
            f"{point.clients}",
            f"{point.rows_per_s:.5g}",
            *(f"{latency_ms:.4g}" for latency_ms in latencies_ms),
            f"{point.calls}",
        )
    return table


def _list(folder: ModelFolder) -> StartError | None:
    try:
        config = folder.read_config([])
    except StartError as error:
        return _refused(folder, error)
    tensors = "; ".join(
        f"{tensor.name} {tensor.datatype}{tensor.shape}" for tensor in (*config.inputs, *config.outputs)
    )
    typer.echo(
        f"{folder.name} {folder.version} {config.backend} {config.precision} "
        f"max_rows={config.max_rows} {tensors}"
    )
    return None


def _check_versions(
    repository: Path, newest: ModelFolder, overrides: list[Override], workers: WorkerRoster
) -> list[StartError]:
    try:
        folders = versions_to_serve(
            find_versions(repository, newest.name), overrides, ServerConfig().versions
        )
    except StartError as error:
        return [_refused(newest, error)]
    return [refusal for folder in folders if (refusal := _check(folder, overrides, workers))]


def _check(folder: ModelFolder, overrides: list[Override], workers: WorkerRoster) -> StartError | None:
    try:
        isolated = is_isolated(folder.read_config(overrides), ServerConfig())
        loaded = load_model(folder, overrides, workers.load if isolated else load_here)
    except StartError as error:
        return _refused(folder, error)
    loaded.close()
    typer.echo(f"{folder.name} {folder.version}: ok on {loaded.backends[0].device}")
    return None


def _refused(folder: ModelFolder, error: StartError) -> StartError:
    typer.echo(f"{folder.name} {folder.version}: REFUSED: {error}")
    return error


def _run(make_server: Callable[[], AcceleratorServer], *, with_parent: bool) -> int:
    async def run() -> int:
        return await serve(make_server(), _announce, with_parent=with_parent)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(run())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - an optional extra, a few percent faster with many requests in flight
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _announce(address: str) -> None:
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()
    logger.info("ready at %s", address)


def _server_config(
    path: Path | None, host: str | None, port: int | None, *, access_log: bool
) -> ServerConfig:
    config = read_server_config(path) if path else ServerConfig()
    given: dict[str, str | int | None] = {"host": host, "port": port, "access_log": access_log or None}
    return msgspec.structs.replace(
        config, **{key: value for key, value in given.items() if value is not None}
    )


def _parsed(overrides: list[str] | None) -> list[Override]:
    return [parse_override(text) for text in overrides or []]


def _write_access_as_it_is() -> None:
    """One JSON object a line, with nothing before it; it has a time of its own."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    access_logger.addHandler(handler)
    access_logger.propagate = False


def _log_to_stderr() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
