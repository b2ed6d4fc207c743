"""Backends that take their process with them, for tests of workers; loaded there by import path."""

import ctypes
import os
import signal
import time
from pathlib import Path

import numpy as np

from accelerator_server.errors import BackendUnavailableError
from tests.accelerator_server.stub_backends import POISON, StubBackend

KILLER, HANGING, LOSING, FAILING, WAITING = POISON, 667.0, 668.0, 669.0, 670.0
"""Values of an input and what they do: end the process, hang it, lose the device, raise, wait for a file."""


class CrashingBackend(StubBackend):
    """y is x times a number that only a rounding computer would get, until a marked row comes."""

    def __init__(self, settings) -> None:
        super().__init__(settings)
        self.depth = settings.parameters.get("depth", 1)
        self.device = settings.parameters.get("device", "stub")
        self._how = settings.parameters.get("how", "abort")
        if (unplugged := settings.parameters.get("unplugged")) and Path(unplugged).exists():
            message = f"no device while {unplugged} is there"
            raise BackendUnavailableError(message)

    def run(self, inputs):
        x = inputs["x"]
        if np.any(x == KILLER):
            if self._how == "abort":
                os.abort()
            os.kill(os.getpid(), signal.SIGKILL)
        if np.any(x == HANGING):
            ctypes.PyDLL(None).sleep(60)  # without letting other threads of this process run
        if np.any(x == WAITING):
            self._wait(Path(self.settings.parameters["gate"]))
        if np.any(x == LOSING):
            message = "stub:0 fell off the bus"
            raise BackendUnavailableError(message)
        if np.any(x == FAILING):
            message = "secret path /etc/models"
            raise RuntimeError(message)
        return {"y": (x * np.float32(0.1))[:, :2].copy()}

    def _wait(self, gate: Path) -> None:
        gate.with_name("waiting").touch()
        while not gate.exists():
            time.sleep(0.01)


class UnloadableBackend(StubBackend):
    """Ends its process while it loads."""

    def __init__(self, settings) -> None:
        super().__init__(settings)
        os.abort()


class EternalBackend(StubBackend):
    """Never gets loaded."""

    def __init__(self, settings) -> None:
        super().__init__(settings)
        signal.pause()
