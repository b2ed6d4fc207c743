"""Tests of the files without a name that a model reaches its process in."""

import errno
import fcntl
import os
from pathlib import Path

import pytest

from accelerator_server.workers import spawning
from accelerator_server.workers.spawning import anonymous_file


def n_open():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class BusyKernel:
    """Refuses to seal a number of times, as Linux does while it moves a page of the file."""

    F_SEAL_WRITE, F_SEAL_GROW = fcntl.F_SEAL_WRITE, fcntl.F_SEAL_GROW
    F_SEAL_SHRINK, F_SEAL_SEAL, F_ADD_SEALS = fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_SEAL, fcntl.F_ADD_SEALS

    def __init__(self, refusals):
        self.refusals = refusals

    def fcntl(self, *words):
        if self.refusals:
            self.refusals -= 1
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return fcntl.fcntl(*words)


def test_what_is_in_it_cannot_be_changed():
    descriptor = anonymous_file("model", b"weights")
    try:
        assert os.pread(descriptor, 100, 0) == b"weights"
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"W", 0)
    finally:
        os.close(descriptor)


def test_a_kernel_that_is_busy_with_it_is_asked_again(monkeypatch):
    busy = BusyKernel(3)
    monkeypatch.setattr(spawning, "fcntl", busy)
    descriptor = anonymous_file("model", b"weights")
    try:
        assert busy.refusals == 0
        with pytest.raises(PermissionError):
            os.pwrite(descriptor, b"W", 0)
    finally:
        os.close(descriptor)


def test_one_that_stays_busy_is_told_and_no_descriptor_is_left(monkeypatch):
    monkeypatch.setattr(spawning, "fcntl", BusyKernel(100))
    monkeypatch.setattr(spawning, "_SEAL_PAUSES_S", (0.0, 0.0))
    before = n_open()
    with pytest.raises(OSError, match="busy"):
        anonymous_file("model", b"weights")
    assert n_open() <= before
