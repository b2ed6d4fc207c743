"""PluginOutline: the kind and first sentence of a plugin, read from its source text without importing it."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from eventproc.plugins.loading import PLUGINS


@dataclass(frozen=True, slots=True)
class PluginOutline:
    """What a list of plugins says of one.

    Attributes:
        name: the name in job files.
        kind: such as ``EDProducer``; "" where the source text does not say, or there is none.
        sentence: the first line of its docstring; "" without.
        package: the package that installed it.
    """

    name: str
    kind: str
    sentence: str
    package: str


def plugin_outlines(group: str = PLUGINS) -> list[PluginOutline]:
    """Outlines of all plugins of a group, sorted by name; no plugin is imported."""
    found = {entry.name: entry for entry in entry_points(group=group)}
    return [_outline(found[name]) for name in sorted(found)]


def _outline(entry: EntryPoint) -> PluginOutline:
    node = _definition(entry.module, entry.attr)
    sentence = (ast.get_docstring(node) or "").partition("\n")[0] if node else ""
    return PluginOutline(
        entry.name, _kind(entry.module, entry.attr), sentence, entry.dist.name if entry.dist else ""
    )


def _kind(module: str, name: str, depth: int = 0) -> str:
    """The ``kind`` that a class or the nearest of its bases sets; follows imports between modules."""
    node = _definition(module, name)
    if depth > 12:  # longer than any sane chain of bases and re-exports; ends circular imports
        return ""
    if node is None:
        where = _imported_from(module).get(name)
        return _kind(*where, depth + 1) if where else ""
    if not isinstance(node, ast.ClassDef):
        return ""
    own = next(_constants(node, "kind"), "")
    return own or next((k for b in _base_names(node) if (k := _kind(module, b, depth + 1))), "")


def _base_names(node: ast.ClassDef) -> Iterator[str]:
    for base in node.bases:
        plain = base.value if isinstance(base, ast.Subscript) else base  # Base[T]
        if isinstance(plain, ast.Name):
            yield plain.id


def _constants(node: ast.ClassDef, name: str) -> Iterator[str]:
    for statement in node.body:
        if not isinstance(statement, ast.Assign | ast.AnnAssign):
            continue
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        named = any(isinstance(target, ast.Name) and target.id == name for target in targets)
        if named and isinstance(statement.value, ast.Constant):
            yield str(statement.value.value)


def _definition(module: str, name: str) -> ast.ClassDef | ast.FunctionDef | None:
    for node in _tree(module).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name:
            return node
    return None


def _imported_from(module: str) -> dict[str, tuple[str, str]]:
    """Names that a module takes from other modules by absolute imports: module and name there."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in _tree(module).body
        if isinstance(node, ast.ImportFrom) and node.module and not node.level
        for alias in node.names
    }


@lru_cache(maxsize=256)
def _tree(module: str) -> ast.Module:
    try:
        return ast.parse(b"".join(path.read_bytes() for path in _source(module)))
    except (ImportError, OSError, SyntaxError, ValueError):
        return ast.Module([], [])


def _source(module: str) -> list[Path]:
    """The file of a module. Python's own search would import the packages around it."""
    top, *inner = module.split(".")
    spec = importlib.util.find_spec(top)
    if spec is None:
        return []
    if not inner:
        return [Path(spec.origin)] if spec.origin and spec.origin.endswith(".py") else []
    places = [Path(folder, *inner) for folder in spec.submodule_search_locations or ()]
    files = [file for place in places for file in (place.with_suffix(".py"), place / "__init__.py")]
    return [file for file in files if file.is_file()][:1]
