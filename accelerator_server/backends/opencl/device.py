"""Finds the OpenCL device that a model asks for, compiles for it, and says what is wrong with it."""

import logging
import threading
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import pyopencl as cl

from accelerator_server.backends.opencl.kernels import BUILD_OPTIONS
from accelerator_server.backends.opencl.tiling import CUTS, Cut, DeviceClass
from accelerator_server.errors import BackendUnavailableError

logger = logging.getLogger(__name__)

_TRIAL: Final = "__kernel void trial(__global float *x) { x[get_global_id(0)] *= 2; }"
_DOTS_TRIAL: Final = """
__kernel void trial(__global int16 *x) { __asm__("vpdpbusd %1, %1, %0" : "+r,v"(x[0]) : "r,v"(x[1])); }
"""
_CLASSES: Final = {
    cl.device_type.GPU: DeviceClass.GPU,
    cl.device_type.ACCELERATOR: DeviceClass.ACCELERATOR,
    cl.device_type.CPU: DeviceClass.CPU,
}
_PREFERENCE: Final = (DeviceClass.GPU, DeviceClass.ACCELERATOR, DeviceClass.CPU)

_models_on: Counter[Any] = Counter()  # open devices of this process; read and changed under _models_lock
_models_lock = threading.Lock()


class DeviceLostError(BackendUnavailableError):
    """The device failed while it ran; what it holds is gone, and it is not asked again."""


@dataclass(frozen=True, slots=True)
class DeviceChoice:
    """Which device is wanted; what is left empty fits all.

    Attributes:
        platform: Part of the platform's name, as in "Intel" or "Portable".
        name: Part of the device's name.
        kind: Its class.
        index: Which of those that fit; None takes the one that serves the fewest models of this process and
            of others, of those like the first.
        in_use: Labels of devices that serve models of other processes, one for each model.
    """

    platform: str = ""
    name: str = ""
    kind: DeviceClass | None = None
    index: int | None = None
    in_use: tuple[str, ...] = ()


class Device:
    """An OpenCL device that is in use until it is closed."""

    def __init__(self, choice: DeviceChoice, *, compiles: bool = True) -> None:
        """Takes the device.

        Args:
            choice: Which is wanted.
            compiles: Whether it must compile source; a device for precompiled programs need not.

        Raises:
            BackendUnavailableError: None fits, or none of those that fit works.
        """
        with _models_lock:
            self.handle, self.index = _chosen(choice, compiles=compiles)
            with translated(f"make a context on {describe(self.handle)}"):
                self.context = cl.Context([self.handle])
            _models_on[self.handle] += 1
        self.device_class = class_of(self.handle)
        self.label = _label(self.handle, self.index)
        logger.info("%s is %s", self.label, self)

    def __str__(self) -> str:
        return describe(self.handle)

    @property
    def identity(self) -> str:
        """What measured times hold for: the device, its driver and its number of compute units."""
        handle = self.handle
        return f"{handle.platform.version}|{handle.name}|{handle.driver_version}|{handle.max_compute_units}"

    @property
    def cut(self) -> Cut:
        """How work is dealt to its items."""
        return replace(CUTS[self.device_class], dots=self.device_class is DeviceClass.CPU and self._has_dots)

    def compile(self, source: str) -> Any:
        """Compiles a program from source.

        Raises:
            BackendUnavailableError: It does not compile; the message ends with the compiler's words.
        """
        with translated(f"compile the kernels for {self}"), _quiet_compiler():
            return cl.Program(self.context, source).build(list(BUILD_OPTIONS))

    def load(self, binary: bytes, origin: str) -> Any:
        """Takes a program that was compiled before.

        Raises:
            BackendUnavailableError: It was not compiled for this device.
        """
        with translated(f"load {origin} into {self}"), _quiet_compiler():
            # Without build() the runtimes answer INVALID_PROGRAM_EXECUTABLE.
            return cl.Program(self.context, [self.handle], [binary]).build()

    def binary_of(self, compiled: Any) -> bytes:
        """What `load` takes: a compiled program as the runtime keeps it."""
        with translated(f"read the compiled kernels from {self}"):
            binary: bytes = compiled.get_info(cl.program_info.BINARIES)[0]
        return binary

    def check_memory(self, total_bytes: int, largest_bytes: int) -> None:
        """Refuses what cannot fit, before anything is allocated.

        Raises:
            BackendUnavailableError: It needs more memory than the device has.
        """
        if total_bytes > self.handle.global_mem_size or largest_bytes > self.handle.max_mem_alloc_size:
            message = (
                f"the model needs {total_bytes / 2**20:.0f} MiB, up to {largest_bytes / 2**20:.0f} in one "
                f"buffer; {self} has {self.handle.global_mem_size / 2**20:.0f}, up to "
                f"{self.handle.max_mem_alloc_size / 2**20:.0f}; a smaller chunk_rows needs less"
            )
            raise BackendUnavailableError(message)

    @cached_property
    def _has_dots(self) -> bool:
        # Only of Intel's runtime is it known that an instruction which the CPU lacks does not compile.
        if "Intel" not in self.handle.platform.name:
            return False
        try:
            with _quiet_compiler():
                cl.Program(self.context, _DOTS_TRIAL).build()
        except cl.Error:
            return False
        return True

    def close(self) -> None:
        """Gives the device back."""
        with _models_lock:
            _models_on[self.handle] -= 1


@contextmanager
def translated(doing: str, error: type[BackendUnavailableError] = BackendUnavailableError) -> Iterator[None]:
    """Translates what pyopencl raises.

    Args:
        doing: What is being done, for the message: "opencl cannot ...".
        error: What is raised instead.
    """
    try:
        yield
    except cl.Error as cause:
        message = f"opencl cannot {doing}: {_cause(cause)}"
        raise error(message) from cause


def class_of(handle: Any) -> DeviceClass:
    """The class of a device; what OpenCL calls by no name counts as an accelerator."""
    return next((ours for theirs, ours in _CLASSES.items() if handle.type & theirs), DeviceClass.ACCELERATOR)


def describe(handle: Any) -> str:
    """Name and platform of a device."""
    return f"{handle.name.strip()} ({class_of(handle)}, {handle.platform.name.strip()})"


def all_devices() -> list[Any]:
    """Every device of every platform, the preferred ones first."""
    found = []
    with translated("list the platforms"):
        try:
            platforms = cl.get_platforms()
        except cl.LogicError:  # PLATFORM_NOT_FOUND_KHR
            return []
        for platform in platforms:
            try:
                found += platform.get_devices()
            except cl.Error as error:
                logger.warning("opencl platform %s lists no devices: %s", platform.name, error)
    # PoCL's wheel is of 2022: on the same CPU another runtime is 3 to 4 times faster.
    return sorted(
        found, key=lambda handle: (_PREFERENCE.index(class_of(handle)), "Portable" in handle.platform.name)
    )


def _chosen(choice: DeviceChoice, *, compiles: bool) -> tuple[Any, int]:
    every = all_devices()
    fitting = [handle for handle in every if _fits(handle, choice)]
    if not fitting or (choice.index is not None and choice.index >= len(fitting)):
        has = "; ".join(map(describe, every)) or "none: install a runtime, as in pip install pyopencl[pocl]"
        message = f"no OpenCL device fits {choice}; there are {has}"
        raise BackendUnavailableError(message)
    if choice.index is not None:
        return fitting[choice.index], choice.index
    first = _first_that_works(fitting) if compiles else fitting[0]
    alike = [n for n, handle in enumerate(fitting) if describe(handle) == describe(first)]
    index = min(alike, key=lambda n: _models_on[fitting[n]] + choice.in_use.count(_label(fitting[n], n)))
    return fitting[index], index


def _label(handle: Any, index: int) -> str:
    return f"opencl:{class_of(handle)}:{index}"


def _fits(handle: Any, choice: DeviceChoice) -> bool:
    return (
        choice.platform.lower() in handle.platform.name.lower()
        and choice.name.lower() in handle.name.lower()
        and choice.kind in (None, class_of(handle))
    )


def _first_that_works(handles: Sequence[Any]) -> Any:
    """The first that can compile a trial kernel: a runtime may not know a CPU that is newer than it is."""
    reasons = []
    for handle in handles:
        try:
            with _quiet_compiler():
                cl.Program(cl.Context([handle]), _TRIAL).build()
        except cl.Error as error:
            reasons.append(f"{describe(handle)}: {_cause(error)}")
            logger.warning("opencl device %s cannot be used: %s", describe(handle), _cause(error))
        else:
            return handle
    message = f"no OpenCL device that fits can compile a kernel: {'; '.join(reasons)}"
    raise BackendUnavailableError(message)


def _cause(error: Exception) -> str:
    """The words of an error on one line; of a compiler's output the lines that tell of an error."""
    lines = str(error).splitlines()
    telling = [line for line in lines if "error:" in line.lower()]
    return " ".join(" ".join(telling or lines).split())[:2000]


@contextmanager
def _quiet_compiler() -> Iterator[None]:
    # A compiler that says anything at all makes pyopencl warn; what matters comes as an error.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", cl.CompilerWarning)
        yield
