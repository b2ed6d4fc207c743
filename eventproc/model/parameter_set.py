"""ParameterSet: the tracked parameters of a component, immutable, with an ID that names their values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

ParameterValue = bool | int | float | str | list[Any] | dict[str, Any] | None
"""What a frozen parameter may be: JSON's values; an InputTag is its string form."""


def parameter_set_id(parameters: Mapping[str, ParameterValue], untracked: Iterable[str] = ()) -> str:
    """A name for the values of the tracked parameters.

    Args:
        parameters: name to value, nested PSets as mappings.
        untracked: what does not count, by name, ``pset.inner`` inside a PSet, ``vpset.0.inner`` inside the
            first of a list, ``vpset.*.inner`` inside each.

    Returns:
        The first 32 hex digits of the SHA-256 of the canonical JSON (sorted keys, no white space).
    """
    tracked = _without(parameters, [path.split(".") for path in untracked])
    text = json.dumps(tracked, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _without(value: Any, paths: Sequence[Sequence[str]]) -> Any:
    if not paths:
        return value
    if isinstance(value, Mapping):
        named = {str(name): inner for name, inner in value.items()}
    elif isinstance(value, list):
        named = {str(place): inner for place, inner in enumerate(value)}
    else:
        return value
    kept = {}
    for name, inner in named.items():
        below = [path[1:] for path in paths if path[0] in (name, "*")]
        if [] not in below:
            kept[name] = _without(inner, below)
    return kept if isinstance(value, Mapping) else list(kept.values())
