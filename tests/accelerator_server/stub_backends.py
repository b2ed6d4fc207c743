"""Backends that do what a test tells them: wait at a gate, fail on a marked row, forget an output."""

import asyncio
import itertools
import threading

import numpy as np

from accelerator_server.errors import BackendUnavailableError

POISON = 666.0


class Gate:
    """Where a backend waits until the test opens; counts who has come."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self.is_open = True
        self.batches: list[int] = []

    def close(self) -> None:
        """Lets nobody pass from now on, and counts anew."""
        self.is_open = False
        self.batches = []

    async def hold(self, asking) -> asyncio.Task:
        """Closes, and begins what leads a batch here; gives it when the batch has come."""
        self.close()
        task = asyncio.ensure_future(asking)
        await asyncio.to_thread(self.wait_for_batches, 1)
        return task

    def open(self) -> None:
        with self._condition:
            self.is_open = True
            self._condition.notify_all()

    def pass_through(self, n_rows: int) -> None:
        with self._condition:
            self.batches.append(n_rows)
            self._condition.notify_all()
            assert self._condition.wait_for(lambda: self.is_open, timeout=60)

    def wait_for_batches(self, n: int) -> None:
        with self._condition:
            assert self._condition.wait_for(lambda: len(self.batches) >= n, timeout=60)


GATE = Gate()


class StubBackend:
    """y is the first two elements of x."""

    device = "stub"
    precision = "f32"
    depth = 1

    def __init__(self, settings) -> None:
        self.settings = settings

    def run(self, inputs):
        return {"y": inputs["x"][:, :2].copy()}

    def close(self) -> None:
        pass


class GatedBackend(StubBackend):
    """Waits at GATE before it answers."""

    def run(self, inputs):
        GATE.pass_through(len(inputs["x"]))
        return super().run(inputs)


class FragileBackend(StubBackend):
    """Fails on a batch that holds POISON."""

    def run(self, inputs):
        GATE.pass_through(len(inputs["x"]))
        if np.any(inputs["x"] == POISON):
            message = "secret path /etc/models"
            raise RuntimeError(message)
        return super().run(inputs)


class MortalBackend(StubBackend):
    """Its device is lost for good at a batch that holds POISON."""

    is_lost = False

    def run(self, inputs):
        GATE.pass_through(len(inputs["x"]))
        self.is_lost = self.is_lost or bool(np.any(inputs["x"] == POISON))
        if self.is_lost:
            message = "device stub:0 at /dev/secret is gone"
            raise BackendUnavailableError(message)
        return super().run(inputs)


class NumberedBackend(GatedBackend):
    """Answers the number in its device's name."""

    _numbers = itertools.count()

    def __init__(self, settings) -> None:
        super().__init__(settings)
        self._number = next(self._numbers)
        self.device = f"stub:{self._number}"

    def run(self, inputs):
        return {"y": np.full_like(super().run(inputs)["y"], self._number)}


class ForgetfulBackend(StubBackend):
    """Answers one row too few."""

    def run(self, inputs):
        return {"y": inputs["x"][1:, :2]}
