"""DaskEngine: attempts as tasks of a Dask cluster, whose workers may come and go."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eventproc.batch.engines import dask_errand
from eventproc.batch.engines.base import Engine, EngineState, Errand
from eventproc.batch.errors import EngineFailure
from eventproc.errors import ConfigurationError

TIMEOUT_S = 20.0

# States of the scheduler's tasks (distributed/scheduler.py, TaskState.state); memory, erred, forgotten: over.
_STATES = {
    "released": EngineState.IDLE,
    "waiting": EngineState.IDLE,
    "no-worker": EngineState.IDLE,
    "queued": EngineState.IDLE,
    "processing": EngineState.RUNNING,
}


class DaskEngine(Engine):
    """Runs attempts on a Dask cluster that is there: LocalCluster, dask-jobqueue, or by hand.

    The scheduler keeps the tasks when this process ends. A worker runs as many jobs as it has threads.
    """

    name = "dask"
    options = {"scheduler": "address of the scheduler, tcp://host:port; default: DASK_SCHEDULER_ADDRESS"}

    def submit(self, errands: Sequence[Errand]) -> Iterator[tuple[Errand, str]]:
        """Submits a task for each errand."""
        token = secrets.token_hex(4)
        with self._client() as client:
            futures = {}
            for errand in errands:
                key = f"eventproc-{self._task}-{token}-{errand.job}-{errand.attempt}"
                words = (str(errand.script), str(errand.attempt), str(errand.log), str(self._unwanted(key)))
                futures[key] = client.submit(dask_errand.run, *words, key=key, pure=False)
            # Published futures live on the scheduler, whoever goes.
            client.publish_dataset(list(futures.values()), name=f"eventproc-{self._task}-{token}")
        yield from zip(errands, futures, strict=True)

    def poll(self, engine_ids: Sequence[str]) -> Mapping[str, EngineState]:
        """Asks the scheduler for the states of its tasks."""
        with self._client() as client:
            states = client.run_on_scheduler(dask_errand.states, keys=list(engine_ids))
        return {key: _STATES[state] for key, state in states.items() if state in _STATES}

    def kill(self, engine_ids: Sequence[str]) -> None:
        """Cancels tasks; those that run look for a file that says so."""
        from distributed import Future  # noqa: PLC0415 - an optional extra

        with self._client() as client:
            client.cancel([Future(key, client) for key in engine_ids], force=True)
        for key in engine_ids:  # last: a full disk must not keep what waits from being cancelled
            self._unwanted(key).touch()

    def _unwanted(self, key: str) -> Path:
        return self._folder / f"{key}.unwanted"

    def _address(self) -> str:
        address = self._given.get("scheduler") or os.environ.get("DASK_SCHEDULER_ADDRESS", "")
        if not address:
            message = (
                "engine 'dask' needs a cluster: start one with `dask scheduler` and `dask worker`, or with "
                "dask-jobqueue, and give --engine-option scheduler=tcp://host:port"
            )
            raise ConfigurationError(message)
        return address

    @contextmanager
    def _client(self) -> Iterator[Any]:
        address = self._address()
        client_class, pickler = _libraries()
        try:
            client = client_class(address, timeout=TIMEOUT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            message = f"no Dask scheduler answers at {address!r}: {str(error) or type(error).__name__}"
            raise EngineFailure(message) from None
        # Workers need not have this framework installed: the script brings its own.
        pickler.register_pickle_by_value(dask_errand)
        try:
            yield client
        except (OSError, TimeoutError) as error:
            message = f"the Dask scheduler at {address!r} was lost: {str(error) or type(error).__name__}"
            raise EngineFailure(message) from None
        finally:
            pickler.unregister_pickle_by_value(dask_errand)
            client.close()


def _libraries() -> tuple[Any, Any]:
    try:
        import cloudpickle  # noqa: PLC0415 - an optional extra
        from distributed import Client  # noqa: PLC0415 - as above
    except ImportError as error:
        message = f"engine 'dask' needs {error.name}: pip install 'eventproc[dask]'"
        raise ConfigurationError(message) from None
    return Client, cloudpickle
