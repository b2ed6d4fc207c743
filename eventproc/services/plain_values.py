"""Plain values: anything a report may hold, as JSON values and as text that JSON and XML can carry."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

# XML 1.0, section 2.2; lone surrogates stand for the undecodable bytes of a file name.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def printable(text: str) -> str:
    r"""The text with what XML cannot carry written as escapes, such as ``\x1b``."""
    return _NOT_XML.sub(lambda match: match[0].encode("unicode_escape").decode(), text)


def plain_value(value: Any) -> Any:
    """A value as JSON values.

    Numbers that JSON lacks (NaN, infinity) become None, dataclasses and named tuples become mappings
    without their private fields, numpy values become Python's, and the rest becomes text: a report that
    holds something odd is still written.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if hasattr(value, "tolist"):
        return plain_value(value.tolist())
    return _plain_collection(value)


def _plain_collection(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain_value(getattr(value, f.name)) for f in fields(value) if f.name[0] != "_"}
    if hasattr(value, "_asdict"):
        return plain_value(value._asdict())
    if isinstance(value, Mapping):
        return {printable(str(key)): plain_value(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_value(item) for item in value]
    return printable(str(value))


def leaves(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """The numbers and words of nested JSON mappings under dotted names, as text; lists are left out."""
    found: dict[str, str] = {}
    for name, item in value.items():
        if isinstance(item, Mapping):
            found |= leaves(item, f"{prefix}{name}.")
        elif item is not None and not isinstance(item, list):
            found[prefix + name] = str(item)
    return found
