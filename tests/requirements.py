"""What tests may need of a machine: without it they are skipped by name, or fail where it is demanded."""

from __future__ import annotations

import difflib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from benchmarks.triton import TRITON, TritonUnusable, find_installation

DEMAND = "EVENTPROC_REQUIRE"
CMS_EVENTS = "EVENTPROC_CMS_EVENTS"


@dataclass(frozen=True, slots=True)
class Requirement:
    """Something a machine may lack.

    Attributes:
        missing: what to say where it lacks, and what would bring it.
        is_available: whether this machine has it.
    """

    missing: str
    is_available: Callable[[], bool]


def _has_modules(*names: str) -> Callable[[], bool]:
    return lambda: all(find_spec(name) is not None for name in names)


def _has_programs(*names: str) -> Callable[[], bool]:
    # Debian puts daemons where the PATH of a user does not reach.
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return lambda: all(shutil.which(name, path=path) is not None for name in names)


def _has_browser() -> bool:
    return any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))


@cache
def _has_slurm() -> bool:
    sinfo = shutil.which("sinfo")
    if sinfo is None:
        return False
    try:
        return subprocess.run([sinfo, "-h"], capture_output=True, timeout=20, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@cache
def _can_make_network_namespace() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    # Rules for packets and for bandwidth, on the loopback device that comes with the namespace.
    trial = "nft add table inet trial && tc qdisc add dev lo root tbf rate 1mbit burst 4kb latency 1s"
    command = [
        unshare,
        "--user",
        "--map-root-user",
        "--net",
        "sh",
        "-c",
        f"PATH=$PATH:/usr/sbin:/sbin; {trial}",
    ]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@cache
def _can_mount() -> bool:
    unshare = shutil.which("unshare")
    if unshare is None:
        return False
    command = [unshare, "--user", "--map-root-user", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    try:
        return subprocess.run(command, capture_output=True, timeout=10, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


_TRIAL_KERNEL = """
import sys, pyopencl as cl
for device in (device for platform in cl.get_platforms() for device in platform.get_devices()):
    try:
        cl.Program(cl.Context([device]), "__kernel void f(__global float *x) { *x = 1; }").build()
        sys.exit(0)
    except cl.Error:
        pass
sys.exit(1)
"""


@cache
def _has_opencl_device() -> bool:
    """Whether some device compiles a kernel: a runtime may not know a CPU that is newer than it is."""
    if find_spec("pyopencl") is None:
        return False
    command = [sys.executable, "-c", _TRIAL_KERNEL]
    try:
        return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


@cache
def _has_triton() -> bool:
    try:
        find_installation(os.environ)
    except TritonUnusable:
        return False
    return True


def cms_events_folder(environment: Mapping[str, str]) -> Path | None:
    """The folder of real CMS events that the environment names, if the events are there."""
    folder = environment.get(CMS_EVENTS, "")
    return Path(folder) if folder and (Path(folder) / "cms2012_ebhits.root").is_file() else None


REQUIREMENTS: dict[str, Requirement] = {
    "chromium": Requirement("no Chromium (Debian package chromium)", _has_browser),
    "cms_events": Requirement(
        f"no real CMS events ({CMS_EVENTS} names no folder with cms2012_ebhits.root)",
        lambda: cms_events_folder(os.environ) is not None,
    ),
    "gpu": Requirement("no NVIDIA GPU (/dev/nvidiactl)", Path("/dev/nvidiactl").exists),
    "htcondor": Requirement(
        "no HTCondor (Debian package condor)", _has_programs("condor_q", "condor_submit")
    ),
    "mounts": Requirement("file systems cannot be mounted (unshare --user --mount is refused)", _can_mount),
    "netns": Requirement(
        "no network namespace with nft and tc in it (Debian packages nftables and iproute2; "
        "unshare --user --net may be refused)",
        _can_make_network_namespace,
    ),
    "opencl": Requirement(
        "no OpenCL device that works (pip install -e .[opencl]; docs/opencl.md)", _has_opencl_device
    ),
    "root": Requirement("the ROOT wheel is not installed (pip install ROOT)", _has_modules("ROOT")),
    "samples": Requirement("no Pythia (pip install -e .[samples])", _has_modules("pythia8mc")),
    "slurm": Requirement(
        "no Slurm answers (.ci/start-slurm, as root on Debian, installs and starts one)", _has_slurm
    ),
    "systemd": Requirement("no systemd-analyze (Debian package systemd)", _has_programs("systemd-analyze")),
    "triton": Requirement(
        f"no tritonserver ({TRITON} names none; benchmarks/triton.py says how)",
        _has_triton,
    ),
    "train": Requirement("no PyTorch (pip install -e .[train])", _has_modules("torch", "onnx")),
    "xrootd": Requirement(
        "no XRootD (Debian package xrootd-server; pip install -e .[xrootd])",
        lambda: _has_programs("xrootd")() and _has_modules("XRootD", "fsspec_xrootd")(),
    ),
}


class UnknownRequirement(Exception):
    """A test or EVENTPROC_REQUIRE names something that is not in REQUIREMENTS."""


def check_names(names: Iterable[str], known: Iterable[str], whose: str) -> frozenset[str]:
    """The names as a set.

    Raises:
        UnknownRequirement: one of them is not known.
    """
    wanted, known = frozenset(names), sorted(known)
    for name in sorted(wanted.difference(known)):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(known)
        raise UnknownRequirement(f"{whose}: nothing named {name!r} can be required; {hint}")
    return wanted


def demanded(environment: Mapping[str, str], known: Iterable[str]) -> frozenset[str]:
    """The names in EVENTPROC_REQUIRE: their absence is a failure.

    Raises:
        UnknownRequirement: one of them is not known.
    """
    return check_names(
        (name for name in re.split(r"[,\s]+", environment.get(DEMAND, "")) if name), known, DEMAND
    )


def skip_reason(name: str, missing: str) -> str:
    """What a skipped test says; `required_name` reads it."""
    return f"requires {name}: {missing}"


def required_name(reason: str) -> str | None:
    """The requirement that a skip's reason names, if it is one of ours."""
    found = re.search(r"requires (\w+): ", reason)
    return found[1] if found else None


def closing_line(reasons: Iterable[str]) -> str:
    """One line that counts what was not run by requirement; "" when everything ran."""
    counts = Counter(name for name in map(required_name, reasons) if name)
    if not counts:
        return ""
    listed = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    return f"not run here: {listed} (set {DEMAND}={','.join(sorted(counts))} to make that a failure)"
