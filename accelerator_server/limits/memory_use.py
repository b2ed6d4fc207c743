"""How much memory processes hold, and how much there is for them; read from Linux's own files."""

import os
from collections.abc import Iterable
from pathlib import Path

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_CGROUP = Path("/sys/fs/cgroup")
_OWN_CGROUPS = Path("/proc/self/cgroup")


def resident_bytes(workers: Iterable[int]) -> int:
    """Memory of this process and of its workers.

    Batches that both have mapped count once, and so does what workers map of files, which the kernel drops
    when memory is short.

    Args:
        workers: Process ids; one that has ended counts nothing.
    """
    n_pages, _ = _pages("self")
    for pid in workers:
        try:
            resident, shared = _pages(str(pid))
        except (OSError, ValueError):
            continue
        n_pages += max(0, resident - shared)
    return n_pages * _PAGE_BYTES


def memory_there_is() -> int:
    """Bytes that this process may use: the machine's, or the least that a control group above it allows."""
    physical = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES
    return min([physical, *_cgroup_limits()])


def _pages(process: str) -> tuple[int, int]:
    """Resident pages of a process, and those of them that are mapped from files or shared; see proc(5)."""
    _, resident, shared, *_ = Path(f"/proc/{process}/statm").read_text().split()
    return int(resident), int(shared)


def _cgroup_limits() -> list[int]:
    """Limits of the control groups, version 2 and 1, from this process's own to the root."""
    files = [_CGROUP / "memory.max", _CGROUP / "memory" / "memory.limit_in_bytes"]
    try:
        own = _OWN_CGROUPS.read_text().splitlines()
    except OSError:
        own = []
    for line in own:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            files += [_CGROUP / part / "memory.max" for part in _with_parents(path)]
        elif "memory" in controllers.split(","):
            files += [_CGROUP / "memory" / part / "memory.limit_in_bytes" for part in _with_parents(path)]
    return [int(text) for file in files if (text := _text(file)).isdigit()]


def _with_parents(path: str) -> list[str]:
    relative = Path(path.lstrip("/"))
    return [str(relative), *(str(parent) for parent in relative.parents)]


def _text(file: Path) -> str:
    try:
        return file.read_text().strip()
    except OSError:
        return ""
