"""ParameterSet: the tracked parameters of a component, immutable, with an ID that names their values."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any

ParameterValue = bool | int | float | str | list[Any] | dict[str, Any] | None
"""What a frozen parameter may be: JSON's values; an InputTag is its string form."""


def parameter_set_id(parameters: Mapping[str, ParameterValue], untracked: Iterable[str] = ()) -> str:
    """A name for the values of the tracked parameters.

    Args:
        parameters: name to value, nested PSets as mappings.
        untracked: names at the top level that do not count.

    Returns:
        The first 32 hex digits of the SHA-256 of the canonical JSON (sorted keys, no white space).
    """
    skipped = set(untracked)
    tracked = {name: value for name, value in parameters.items() if name not in skipped}
    text = json.dumps(tracked, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
