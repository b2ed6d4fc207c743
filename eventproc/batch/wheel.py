"""Wheels of what is installed here, made without network or build tools, to be shipped along with jobs."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, entry_points
from pathlib import Path

from eventproc.errors import ConfigurationError
from eventproc.plugins import COMMANDS, LAYOUTS, PLUGINS

_WHEEL = "Wheel-Version: 1.0\nGenerator: eventproc\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_EPOCH = (2020, 1, 1, 0, 0, 0)
"""One time for all files: the same code gives the same bytes."""

_COMPILED = (".so", ".pyd", ".dylib")


def plugin_distributions() -> list[Distribution]:
    """The installed distributions that offer modules, layouts or commands, by name."""
    found = {
        entry.dist.name: entry.dist
        for group in (PLUGINS, LAYOUTS, COMMANDS)
        for entry in entry_points(group=group)
        if entry.dist is not None
    }
    return [found[name] for name in sorted(found)]


def pack_wheel(distribution: Distribution, folder: Path) -> Path:
    """Packs an installed distribution, editable or not, as a wheel.

    Returns:
        The path of the wheel.

    Raises:
        ConfigurationError: the distribution holds compiled code, or its packages cannot be found.
    """
    name = distribution.name.replace("-", "_")
    stem = f"{name}-{distribution.version}"
    path = folder / f"{stem}-py3-none-any.whl"
    record: list[str] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in _members(distribution, f"{stem}.dist-info"):
            archive.writestr(_entry(member), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            record.append(f"{member},sha256={digest},{len(content)}")
        record.append(f"{stem}.dist-info/RECORD,,")
        archive.writestr(_entry(f"{stem}.dist-info/RECORD"), "\n".join(record) + "\n")
    return path


def _entry(member: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member, _EPOCH)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    return entry


def _members(distribution: Distribution, info: str) -> Iterator[tuple[str, bytes]]:
    for package in _top_level(distribution):
        yield from _files_of(package, distribution.name)
    metadata = distribution.read_text("METADATA") or distribution.read_text("PKG-INFO") or ""
    yield f"{info}/METADATA", metadata.encode()
    yield f"{info}/WHEEL", _WHEEL.encode()
    for name in ("entry_points.txt", "top_level.txt"):
        text = distribution.read_text(name)
        if text:
            yield f"{info}/{name}", text.encode()


def _top_level(distribution: Distribution) -> list[str]:
    names = (distribution.read_text("top_level.txt") or "").split()
    if not names:
        message = f"package {distribution.name!r} does not say what it holds (no top_level.txt)"
        raise ConfigurationError(message)
    return sorted(names)


def _files_of(package: str, whose: str) -> Iterator[tuple[str, bytes]]:
    spec = importlib.util.find_spec(package)
    origin = Path(spec.origin) if spec and spec.origin else None
    if origin is None:
        message = f"package {package!r} of {whose!r} is installed and its folder cannot be found"
        raise ConfigurationError(message)
    if origin.name != "__init__.py":
        yield origin.name, origin.read_bytes()
        return
    root = origin.parent
    for file in sorted(root.rglob("*")):
        if not file.is_file() or "__pycache__" in file.parts:
            continue
        if file.suffix in _COMPILED:
            message = f"package {whose!r} holds compiled code ({file.name}) and cannot be shipped along"
            raise ConfigurationError(message)
        yield f"{package}/{file.relative_to(root).as_posix()}", file.read_bytes()
