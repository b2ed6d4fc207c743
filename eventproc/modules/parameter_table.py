"""ParameterRow: the parameters of a component as a table: cms type, default, tracked or not, and meaning."""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from eventproc.model.input_tag import InputTag
from eventproc.modules.parameters import (
    ParameterDescription,
    parameter_docs,
    parameter_values,
    untracked_names,
)

CMS_TYPES: dict[Any, str] = {
    bool: "bool",
    int: "int32",
    float: "double",
    str: "string",
    InputTag: "InputTag",
    list[bool]: "vbool",
    list[int]: "vint32",
    list[float]: "vdouble",
    list[str]: "vstring",
    list[InputTag]: "VInputTag",
}
"""What a job file writes for a field's type; unsigned and 64-bit integers are taken too."""

LIMITS = {
    "gt": ">",
    "ge": ">=",
    "lt": "<",
    "le": "<=",
    "min_length": "of length >=",
    "max_length": "of length <=",
}
"""msgspec's words for limits, and the signs of them."""


@dataclass(frozen=True, slots=True)
class ParameterRow:
    """One parameter.

    Attributes:
        name: as a job file writes it; inside a PSet with the PSet's name and a dot before it.
        type: the word after ``cms.``.
        default: as Python text; None when the parameter is required.
        untracked: whether it stays out of the ParameterSet ID.
        doc: what it means.
        choices: the values it may have; empty when its type says it all.
        limits: such as ``>= 0``; "" without.
    """

    name: str
    type: str
    default: str | None
    untracked: bool
    doc: str
    choices: tuple[str, ...] = ()
    limits: str = ""

    @property
    def type_text(self) -> str:
        """The type as a job file writes it, without ``cms.``."""
        return f"untracked.{self.type}" if self.untracked else self.type


def parameter_rows(description: type[ParameterDescription], prefix: str = "") -> Iterator[ParameterRow]:
    """The parameters of a ``Params`` in order, those of nested PSets after the PSet."""
    untracked, docs = untracked_names(description), parameter_docs(description)
    hints = get_type_hints(description, include_extras=True)
    for field in msgspec.structs.fields(description):
        hint = _bare(hints[field.name])
        nested = isinstance(hint, type) and issubclass(hint, ParameterDescription)
        yield ParameterRow(
            name=prefix + field.name,
            type="PSet" if nested else _cms_type(hint),
            default=None if field.required else "" if nested else _default(field),
            untracked=field.name in untracked,
            doc=docs.get(field.name, ""),
            choices=tuple(map(repr, get_args(hint))) if get_origin(hint) is Literal else (),
            limits=_limits(hints[field.name]),
        )
        if nested:
            yield from parameter_rows(hint, f"{prefix}{field.name}.")


def _limits(hint: Any) -> str:
    metas = [meta for meta in getattr(hint, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    found = [(sign, getattr(meta, name)) for meta in metas for name, sign in LIMITS.items()]
    return ", ".join(f"{sign} {limit}" for sign, limit in found if limit is not None)


def _bare(hint: Any) -> Any:
    """The type without its annotations and without None."""
    if get_origin(hint) is Annotated:
        return _bare(get_args(hint)[0])
    if get_origin(hint) in (Union, types.UnionType):
        others = [each for each in get_args(hint) if each is not type(None)]
        return _bare(others[0]) if len(others) == 1 else hint
    return hint


def _cms_type(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return CMS_TYPES.get(type(get_args(hint)[0]), "string")
    if get_origin(hint) is dict:
        return "PSet"
    if get_origin(hint) is list and hint not in CMS_TYPES:
        return "VPSet"
    return CMS_TYPES.get(hint, getattr(hint, "__name__", str(hint)))


def _default(field: msgspec.structs.FieldInfo) -> str:
    is_made = field.default_factory is not msgspec.NODEFAULT
    value = field.default_factory() if is_made else field.default
    if isinstance(value, ParameterDescription):
        value = parameter_values(value)
    return repr(str(value)) if isinstance(value, InputTag) else repr(value)
