"""All workers of one server: who they are, on which devices they compute, and their end."""

import threading

from accelerator_server.backends.base import BackendSettings
from accelerator_server.config import ModelConfig
from accelerator_server.errors import BackendUnavailableError
from accelerator_server.workers.device_worker import DeviceWorker


class WorkerRoster:
    """Starts workers and knows them; used by any thread.

    Args:
        start_timeout_s: Time for a worker to load its model; 0 for ever.
    """

    def __init__(self, start_timeout_s: float) -> None:
        self._start_timeout_s = start_timeout_s
        # The lock guards what is below.
        self._lock = threading.Lock()
        self._workers: list[DeviceWorker] = []
        self._is_closed = False

    def load(
        self, name: str, config: ModelConfig, settings: BackendSettings, trial_rows: tuple[int, ...]
    ) -> DeviceWorker:
        """Starts a worker; returns when it has loaded its model.

        Raises:
            StartError: It cannot, or the server stops.
        """
        worker = DeviceWorker(
            name,
            config.backend,
            settings,
            trial_rows=trial_rows,
            start_timeout_s=self._start_timeout_s,
            batch_timeout_s=config.batch_timeout_s,
            in_use=self.devices_in_use,
        )
        with self._lock:
            if self._is_closed:
                message = "the server is about to stop"
                raise BackendUnavailableError(message)
            self._workers = [one for one in self._workers if not one.is_closed]
            self._workers.append(worker)
        worker.start()
        return worker

    def pids(self) -> list[int]:
        """Processes that take batches now."""
        with self._lock:
            return [worker.pid for worker in self._workers if worker.pid]

    def devices_in_use(self) -> list[str]:
        """Where they compute."""
        with self._lock:
            return [worker.device for worker in self._workers if worker.is_usable]

    def close(self) -> None:
        """Ends all that are left, those that still load their model too; no other is started."""
        with self._lock:
            self._is_closed = True
            workers = list(self._workers)
        for worker in workers:
            worker.close()
