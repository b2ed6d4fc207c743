"""The command `accelerator-server`: serve, models, check."""

import asyncio
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from accelerator_server.config import Override, ServerConfig, parse_override, read_server_config
from accelerator_server.errors import StartError
from accelerator_server.lifecycle import AcceleratorServer, serve
from accelerator_server.model_loading import load_model
from accelerator_server.repository import ModelFolder, check_overrides, find_models

logger = logging.getLogger(__name__)

app = typer.Typer(
    help="Serves models with the Open Inference Protocol v2.",
    no_args_is_help=True,
    add_completion=False,
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
        int | None, typer.Option(help="Port to listen on; 0, the default, takes a free one.")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="TOML file with the server's limits.")] = None,
    overrides: Overrides = None,
    strict: Annotated[bool, typer.Option(help="End if any model is refused.")] = False,
    access_log: Annotated[bool, typer.Option(help="One JSON line on stderr for each request.")] = False,
    exit_with_parent: Annotated[bool, typer.Option(help="Stop when standard input ends.")] = False,
) -> None:
    """Serves until SIGTERM or SIGINT; prints the address on stdout when ready, logs on stderr.

    Exit codes: 0 stopped and all requests answered, 1 some were not, 2 usage, 3 configuration, 4 model
    refused, 5 backend or device not here, 6 address taken.
    """
    _log_to_stderr()
    server_config = _server_config(config, host, port, access_log=access_log)
    raise SystemExit(
        _run(server_config, repository, _parsed(overrides), strict=strict, with_parent=exit_with_parent)
    )


@app.command("models")
def models_command(repository: Repository) -> None:
    """Lists the models of a repository: name, version, backend, precision, rows, inputs, outputs."""
    for folder in find_models(repository):
        config = folder.read_config([])
        tensors = "; ".join(
            f"{tensor.name} {tensor.datatype}{tensor.shape}" for tensor in (*config.inputs, *config.outputs)
        )
        typer.echo(
            f"{folder.name} {folder.version} {config.backend} {config.precision} "
            f"max_rows={config.max_rows} {tensors}"
        )


@app.command("check")
def check_command(repository: Repository, overrides: Overrides = None) -> None:
    """Loads every model, runs it on zeros, and says what is wrong; exit code as `serve --strict`."""
    parsed = _parsed(overrides)
    folders = find_models(repository)
    check_overrides(parsed, folders)
    errors = [error for folder in folders if (error := _check(folder, parsed))]
    if errors:
        raise SystemExit(errors[0].exit_code)


def _check(folder: ModelFolder, overrides: list[Override]) -> StartError | None:
    try:
        loaded = load_model(folder, overrides)
    except StartError as error:
        typer.echo(f"{folder.name} {folder.version}: REFUSED: {error}")
        return error
    loaded.close()
    typer.echo(f"{folder.name} {folder.version}: ok on {loaded.backends[0].device}")
    return None


def _run(
    config: ServerConfig, repository: Path, overrides: list[Override], *, strict: bool, with_parent: bool
) -> int:
    async def run() -> int:
        server = AcceleratorServer(config, repository, overrides, strict=strict)
        return await serve(server, _announce, with_parent=with_parent)

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
    given = {"host": host, "port": port, "access_log": access_log or None}
    return msgspec.structs.replace(
        config, **{key: value for key, value in given.items() if value is not None}
    )


def _parsed(overrides: list[str] | None) -> list[Override]:
    return [parse_override(text) for text in overrides or []]


def _log_to_stderr() -> None:
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
