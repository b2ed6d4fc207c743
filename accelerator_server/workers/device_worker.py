"""A device in a process of its own, looked after: when the process dies it is started again."""

import enum
import functools
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np

from accelerator_server.backends.base import Array, BackendSettings
from accelerator_server.backends.proving import prove
from accelerator_server.backends.table import BACKENDS
from accelerator_server.errors import BackendUnavailableError, ModelRefusedError, StartError
from accelerator_server.workers.backoff import Backoff
from accelerator_server.workers.batch_memory import create_batch_memory, map_batch_memory
from accelerator_server.workers.messages import Loaded, Order
from accelerator_server.workers.spawning import WorkerProcess, anonymous_file
from accelerator_server.workers.turns import Turns
from accelerator_server.workers.worker_lane import WorkerLane

logger = logging.getLogger(__name__)

PATIENCE_S = 5.0
"""A worker that is away for longer is not waited for."""

_END_S = 2.0
"""Time for a process to free its device when it is asked to end."""


class Change(enum.Enum):
    """What can become of a worker."""

    DIED = enum.auto()
    STARTED = enum.auto()
    NOT_STARTED = enum.auto()


class DeviceWorker:
    """A backend whose work is done by another process; itself a `Backend`, by a lane that `run` has alone.

    Args:
        name: For the log.
        backend: Name of the backend.
        settings: What it is told.
        trial_rows: With how many rows it proves itself whenever it was started again.
        start_timeout_s: Time for the process to load the model; 0 for ever.
        batch_timeout_s: Time for a batch, after which the process is killed; 0 for ever.
        in_use: Says on which devices the server's other workers compute.
    """

    def __init__(
        self,
        name: str,
        backend: str,
        settings: BackendSettings,
        *,
        trial_rows: Sequence[int] = (),
        start_timeout_s: float = 0.0,
        batch_timeout_s: float = 0.0,
        in_use: Callable[[], Sequence[str]] = tuple,
    ) -> None:
        self.name = name
        self.on_change: Callable[[Change], None] = _ignore  # called in the keeper's thread
        self.device = self.precision = ""
        self.depth = 0
        self.turns = Turns()
        self._all_lanes: list[WorkerLane] = []
        self._spec = settings.spec
        self._order = Order(backend, BACKENDS, settings.spec, settings.precision, dict(settings.parameters))
        self._trial_rows = trial_rows
        self._start_timeout_s = start_timeout_s
        self._batch_timeout_s = batch_timeout_s
        self._in_use = in_use
        self._files = [anonymous_file("model", settings.model)]  # and the memory of the lanes
        self._running = threading.Lock()  # held by whoever is in `run`
        self._keeper = threading.Thread(target=self._keep, name=f"{name}-keeper", daemon=True)
        self._closing = threading.Event()
        # The condition guards what is below.
        self._changed = threading.Condition()
        self._process: WorkerProcess | None = None
        self._is_up = False
        self._is_lost = False

    @property
    def lanes(self) -> Sequence[WorkerLane]:
        """One for each batch that it wants in flight."""
        return self._all_lanes[1:]

    @property
    def is_usable(self) -> bool:
        """Whether it takes batches."""
        return self._is_up

    @property
    def is_lost(self) -> bool:
        """Whether it could not be started again, or is away for long."""
        return self._is_lost

    @property
    def is_closed(self) -> bool:
        """Whether it was told to end."""
        return self._closing.is_set()

    @property
    def pid(self) -> int:
        """Id of its process; 0 when there is none."""
        return self._process.pid if self._process and self._is_up else 0

    def start(self) -> None:
        """Starts the process and begins to look after it.

        Raises:
            StartError: The model cannot be loaded, or the system has no process or descriptor left for it.
        """
        try:
            loaded = self._launch()
            self.precision, self.depth = loaded.precision, loaded.depth
            self._files.append(create_batch_memory(self._spec, 1 + loaded.depth))
            for memory in map_batch_memory(self._files[-1], self._spec, 1 + loaded.depth):
                lane = WorkerLane(
                    self, memory, self._spec, self._batch_timeout_s, takes_compact=loaded.expands
                )
                self._all_lanes.append(lane)
            self._connect()
        except OSError as error:
            self.close()
            message = f"the process of a device cannot be started: {error}"
            raise BackendUnavailableError(message) from error
        except BaseException:
            self.close()
            raise
        logger.info("%s is process %d on %s", self.name, self._its_process().pid, self.device)
        self._set(is_up=True)
        self._keeper.start()

    def run(self, inputs: Mapping[str, Array]) -> Mapping[str, Array]:
        """Copies a batch into its lane and lets the process compute it.

        Raises:
            WorkerDiedError: The process ended before it answered.
            BackendRunError: The backend failed.
        """
        n_rows = len(next(iter(inputs.values())))
        lane = self._all_lanes[0]
        with self._running:
            for name, rows in inputs.items():
                np.copyto(lane.buffers[name][:n_rows], rows)
            return lane.run(n_rows)

    def wait_until_usable(self, timeout_s: float | None) -> bool:
        """Waits until it takes batches; returns whether it does."""
        if self._is_up:
            return True
        with self._changed:
            self._changed.wait_for(lambda: self._is_up or self._closing.is_set(), timeout_s)
            return self._is_up

    def close(self) -> None:
        """Ends the process and frees all that it had; called at any time, also twice."""
        self._closing.set()
        self._set(is_up=False)
        for lane in self._all_lanes:
            lane.hang_up()  # the process frees its device and ends
        if self._keeper.ident is not None:
            self._keeper.join(_END_S)
        if self._process is not None:
            self._process.kill()
            if self._keeper.ident is None:
                self._process.wait()
            else:
                self._keeper.join()
        for lane in self._all_lanes:
            lane.close()
        with self._changed:
            while self._files:
                os.close(self._files.pop())

    def _launch(self) -> Loaded:
        """Starts a process and waits until it has loaded the model."""
        process = WorkerProcess(
            msgspec.structs.replace(self._order, in_use=list(self._in_use())), self._files[0]
        )
        self._process = process
        if self._closing.is_set():
            process.kill()
        loaded = process.wait_until_loaded(self._start_timeout_s or None)
        self.device = loaded.device
        return loaded

    def _connect(self) -> None:
        """Gives the process its lanes."""
        process = self._its_process()
        sockets = process.open_lanes(self._files[1], len(self._all_lanes))
        for lane, ours in zip(self._all_lanes, sockets, strict=True):
            lane.connect(ours, functools.partial(self._give_up, process))

    def _give_up(self, process: WorkerProcess) -> None:
        """Kills a process that is broken or gone; by now it may have been replaced."""
        if process is self._process:
            self._set(is_up=False)
        process.kill()

    def _keep(self) -> None:
        """Waits for the process to die and starts it again, until `close`."""
        backoff = Backoff()
        while True:
            started_s = time.monotonic()
            process = self._its_process()
            ending = process.wait()
            self._set(is_up=False)
            for lane in self._all_lanes:
                lane.hang_up()  # something that the engine started may still hold the other end
            if self._closing.is_set():
                return
            delay_s = backoff.next_s(time.monotonic() - started_s)
            died = "%s (pid %d) ended with %s; it is started again in %g s"
            logger.error(died, self.name, process.pid, ending, delay_s)
            self._set(is_up=False, is_lost=delay_s > PATIENCE_S)
            self.on_change(Change.DIED)
            if not self._started_again(backoff, delay_s):
                return

    def _started_again(self, backoff: Backoff, delay_s: float) -> bool:
        """Starts the process again, as often as it takes; returns whether it runs, and not `close` came."""
        while not self._closing.wait(delay_s):
            begun_s = time.monotonic()
            try:
                self._launch()
                self._connect()
                prove(self, self._spec, self._trial_rows)
            except (StartError, OSError) as error:
                self._its_process().kill()
                self._its_process().wait()
                delay_s = backoff.next_s(0.0)
                logger.error("%s cannot be started, again in %g s: %s", self.name, delay_s, error)
                self._set(is_up=False, is_lost=True)
                self.on_change(Change.NOT_STARTED)
            else:
                took_s = time.monotonic() - begun_s
                logger.info("%s (pid %d) is up after %.1f s", self.name, self._its_process().pid, took_s)
                self._set(is_up=not self._closing.is_set(), is_lost=False)
                self.on_change(Change.STARTED)
                return True
        return False

    def _its_process(self) -> WorkerProcess:
        if self._process is None:
            message = f"{self.name} was not started"
            raise ModelRefusedError(message)
        return self._process

    def _set(self, *, is_up: bool, is_lost: bool | None = None) -> None:
        with self._changed:
            self._is_up = is_up
            if is_lost is not None:
                self._is_lost = is_lost
            self._changed.notify_all()


def _ignore(_change: Change) -> None:
    """Nobody wants to know."""
