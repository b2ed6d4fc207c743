"""The life of a server process: listen, load, be ready, drain, end."""

import asyncio
import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from aiohttp import web

from accelerator_server.access_control.authentication import Authentication
from accelerator_server.access_control.sessions import Sessions
from accelerator_server.access_control.tokens import read_tokens
from accelerator_server.config import Override, ServerConfig
from accelerator_server.errors import AddressError, ConfigurationError
from accelerator_server.http import access_log, broken_requests
from accelerator_server.http.app import make_app
from accelerator_server.http.connections import Connections
from accelerator_server.http.express.connection import LINGER_S
from accelerator_server.http.inference_service import InferenceService
from accelerator_server.http.tls import load_certificate, make_ssl_context
from accelerator_server.http.tls_listener import TlsListener
from accelerator_server.limits.admission import Admission
from accelerator_server.limits.descriptors import find_room
from accelerator_server.limits.memory_guard import SHARE_OF_MEMORY, MemoryGuard
from accelerator_server.limits.memory_use import memory_there_is, resident_bytes
from accelerator_server.models.model_control import ModelControl
from accelerator_server.models.registry import ModelRegistry
from accelerator_server.models.repository import check_overrides, choose_models, find_models
from accelerator_server.models.worker_count import count_workers
from accelerator_server.state import ServerState
from accelerator_server.telemetry.client_counts import ClientCounts
from accelerator_server.telemetry.metrics import Metrics

logger = logging.getLogger(__name__)

CLEAN, UNFINISHED = 0, 1
"""Exit codes of a server that was asked to stop: all requests answered, or not."""

_CLOSE_S = 2.0
"""Time for the last answers to be sent and for devices to end, once the drain time is over."""

_BACKLOG = 1024
"""Connections that wait to be accepted."""

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


class AcceleratorServer:
    """One server: starts, says its address, stops without losing an accepted request.

    Args:
        config: How it listens and what it bears.
        repository: Folder of its models.
        overrides: What the command line says of models.
        strict: Whether one refused version of a model keeps the server from starting.
        names: Models to load at the start; all where none is named.
    """

    def __init__(
        self,
        config: ServerConfig,
        repository: Path,
        overrides: list[Override],
        *,
        strict: bool = False,
        names: Sequence[str] = (),
    ) -> None:
        n_workers = count_workers(repository, names, overrides, config)
        self._room = find_room(config.max_connections, n_workers)
        config = msgspec.structs.replace(
            config,
            max_connections=min(config.max_connections, self._room),
            max_body_bytes=min(config.max_body_bytes, config.max_inside_bytes),
        )
        self._config = config
        self._repository = repository
        self._overrides = overrides
        self._strict = strict
        self._names = tuple(names)
        self._ssl = make_ssl_context(config.tls) if config.tls else None
        self._state = _state(config, repository, overrides)
        self._service = InferenceService(self._state)
        self._connections: Connections | None = None
        self._runner = web.AppRunner(
            make_app(self._state, self._service, self._n_connections),
            handle_signals=False,
            handler_cancellation=True,
            keepalive_timeout=config.keepalive_s,
            shutdown_timeout=_CLOSE_S,
            auto_decompress=False,
            lingering_time=LINGER_S,
            access_log=access_log.logger if config.access_log else None,
            access_log_class=access_log.AccessLogger,
            logger=broken_requests.logger,
        )
        self._listener: asyncio.Server | TlsListener | None = None
        self.address = ""

    async def start(self) -> None:
        """Listens, so that liveness can be asked, and loads the models.

        Raises:
            StartError: The address is taken, a model that was named is not there, or no model (with
                `strict`: not every model) can be served.
        """
        folders = find_models(self._repository)
        check_overrides(self._overrides, folders)
        folders = choose_models(folders, self._names)
        listening = _listen(self._config)
        self.address = _address(listening, self._config)
        self._warn_if_open()
        await self._runner.setup()
        if self._runner.server is not None:  # always, after its setup
            self._connections = Connections(self._state, self._service, self._runner.server, self._room)
            if self._ssl is not None:
                self._listener = TlsListener(listening, self._ssl, self._connections)
            else:
                self._listener = await asyncio.get_running_loop().create_server(
                    self._connections.accept, sock=listening, backlog=_BACKLOG
                )
        logger.info("listening at %s, loading %d models", self.address, len(folders))
        models, control = self._state.models, self._state.control
        control.server_name = self._config.name or self.address.partition("://")[2]
        await control.load_all([folder.name for folder in folders])
        refusals = [error for errors in models.refused.values() for error in errors.values()]
        if refusals and (self._strict or not models.versions):
            raise refusals[0]

    def reread(self) -> None:
        """Reads tokens and certificate again; if one cannot be read, all stay as they are."""
        config = self._config
        try:
            tokens = read_tokens(config.token_files, config.admin_token_files)
            if self._ssl is not None and config.tls is not None:
                load_certificate(self._ssl, config.tls)
        except ConfigurationError as error:
            logger.error("the old tokens and certificate stay: %s", error)
            return
        self._state.authentication.tokens = tokens
        self._state.sessions.end_all()
        logger.info("read %d tokens and the certificate again", len(tokens))

    async def stop(self) -> int:
        """Refuses new requests, answers the accepted ones, frees the devices.

        Returns:
            CLEAN, or UNFINISHED if some requests were not answered within the drain time.
        """
        if self._listener is not None:
            logger.info("stopping; %d requests are inside", self._state.admission.n_inside)
            self._listener.close()
        drained = await self._state.admission.drain(self._config.drain_s)
        if not drained:
            self._state.models.abandon()
        if self._connections is not None:
            await self._connections.close(_CLOSE_S)
        await self._runner.cleanup()
        closed = await self._state.models.close(_CLOSE_S)
        await self._state.control.close()
        return CLEAN if drained and closed else UNFINISHED

    def _n_connections(self) -> int:
        return 0 if self._connections is None else len(self._connections)

    def _warn_if_open(self) -> None:
        if not self._state.authentication.tokens and self._config.host not in _LOOPBACK:
            logger.warning("whoever reaches %s may ask; token_files would say who", self.address)


def _state(config: ServerConfig, repository: Path, overrides: list[Override]) -> ServerState:
    models, metrics, sessions = ModelRegistry(), Metrics(), Sessions()
    tokens = read_tokens(config.token_files, config.admin_token_files)
    control = ModelControl(models, metrics, config, repository, overrides)
    return ServerState(
        config=config,
        models=models,
        control=control,
        admission=Admission(),
        memory=_memory_guard(config, control),
        metrics=metrics,
        authentication=Authentication(tokens, sessions),
        sessions=sessions,
        clients=ClientCounts(),
    )


def _memory_guard(config: ServerConfig, control: ModelControl) -> MemoryGuard:
    limit_bytes = config.memory_limit_bytes or round(SHARE_OF_MEMORY * memory_there_is())
    return MemoryGuard(config.max_inside_bytes, limit_bytes, lambda: resident_bytes(control.workers.pids()))


async def serve(server: AcceleratorServer, announce: Callable[[str], None], *, with_parent: bool) -> int:
    """Runs a server until a signal, or the end of its standard input, asks it to stop.

    A second signal ends the process at once; SIGHUP makes it read tokens and certificate again.

    Args:
        server: Not yet started.
        announce: Called with the address as soon as the server is ready.
        with_parent: Whether the end of standard input asks to stop; a parent that holds the other end of
            the pipe takes the server with it however it dies.

    Returns:
        The exit code.

    Raises:
        StartError: The server cannot start.
    """
    stop = _stop_on_signals()
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.reread)
    if with_parent:
        _stop_at_end_of_stdin(stop)
    starting = asyncio.ensure_future(server.start())
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            announce(server.address)
            await stopping
    finally:
        starting.cancel()
        stopping.cancel()
        exit_code = await server.stop()
    return exit_code


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal(number: int) -> None:
        if stop.is_set():
            # Device threads may be deep in an engine; nothing is left to be saved, so nothing is unwound.
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal, number)
    return stop


def _stop_at_end_of_stdin(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def wait_for_end() -> None:
        with contextlib.suppress(OSError):  # no standard input at all is like one that has ended
            while os.read(0, 4096):
                pass
        if not loop.is_closed():
            loop.call_soon_threadsafe(stop.set)

    threading.Thread(target=wait_for_end, name="parent-watch", daemon=True).start()


def _listen(config: ServerConfig) -> socket.socket:
    try:
        family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
        listening = socket.create_server((config.host, config.port), family=family, backlog=_BACKLOG)
        listening.setblocking(False)
        # Connections inherit it: the kernel gives up a client that takes nothing of its answer for so long.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(config.send_timeout_s * 1000))
        return listening
    except OSError as error:
        reason = (error.strerror or str(error)).partition(" (while attempting")[0]  # says the address again
        message = f"cannot listen on {config.host}:{config.port}: {reason}"
        raise AddressError(message) from error


def _address(listening: socket.socket, config: ServerConfig) -> str:
    scheme = "https" if config.tls else "http"
    host = f"[{config.host}]" if ":" in config.host else config.host
    return f"{scheme}://{host}:{listening.getsockname()[1]}"
