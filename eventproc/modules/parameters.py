"""ParameterDescription: the parameters a component takes, declared once, checked before it is built."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from eventproc.errors import ConfigurationError, near_names
from eventproc.model.input_tag import InputTag


class ParameterDescription(msgspec.Struct, forbid_unknown_fields=True):
    """Base of every ``Params``: fields with type, default and `doc`, spelled as a job file spells them.

    Required fields stand before those with defaults. Nobody changes a value after the check.
    """


ParamsT = TypeVar("ParamsT", bound=ParameterDescription)


def doc(text: str, *, untracked: bool = False, **limits: Any) -> msgspec.Meta:
    """Says what a parameter means, for ``Annotated``.

    Args:
        text: one sentence, with the unit unless it is GeV, radians or a count.
        untracked: the value does not change what is computed and stays out of the ParameterSet ID.
        limits: msgspec's constraints, such as ``ge=0``.
    """
    return msgspec.Meta(description=text, extra={"untracked": untracked}, **limits)


def convert_parameters(description: type[ParamsT], values: Mapping[str, Any], whose: str) -> ParamsT:
    """Checks a configuration's values against a description and fills in defaults.

    Args:
        description: the ``Params`` of a component's class.
        values: frozen values by name.
        whose: the component as messages name it, such as ``EDProducer 'ecalJets' (EcalJetProducer)``.

    Raises:
        ConfigurationError: a name is unknown, a required one is missing, or a value is of the wrong type.
    """
    _refuse_unknown(description, values, whose)
    try:
        return msgspec.convert(dict(values), description, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigurationError(_explain(str(error), description, values, whose)) from None


def parameter_values(params: ParameterDescription) -> dict[str, Any]:
    """All values of checked parameters as JSON values, defaults included."""
    values: dict[str, Any] = msgspec.to_builtins(params, enc_hook=_encode)
    return values


def untracked_names(description: type[ParameterDescription]) -> tuple[str, ...]:
    """The parameters declared untracked, also inside nested ones; named as in `parameter_set_id`."""
    metas = _metas(description)
    own = [name for name, meta in metas.items() if (meta.extra or {}).get("untracked")]
    nested = [
        f"{name}.{inner}"
        for name, (kind, below) in _nested(description).items()
        if name not in own
        for inner in (f"{below}{path}" for path in untracked_names(kind))
    ]
    return (*own, *nested)


def _nested(
    description: type[ParameterDescription],
) -> dict[str, tuple[type[ParameterDescription], str]]:
    """Fields that are a ParameterDescription or a list of them, and what leads into the latter."""
    found = {}
    for name, hint in get_type_hints(description).items():
        inner, below = (get_args(hint)[0], "*.") if get_origin(hint) is list else (hint, "")
        if isinstance(inner, type) and issubclass(inner, ParameterDescription):
            found[name] = inner, below
    return found


def parameter_docs(description: type[ParameterDescription]) -> dict[str, str]:
    """The sentence that each parameter's `doc` gives."""
    return {name: meta.description or "" for name, meta in _metas(description).items()}


def _metas(description: type[ParameterDescription]) -> dict[str, msgspec.Meta]:
    hints = get_type_hints(description, include_extras=True)
    annotated = {name: hint for name, hint in hints.items() if get_origin(hint) is Annotated}
    return {
        name: meta
        for name, hint in annotated.items()
        for meta in get_args(hint)[1:]
        if isinstance(meta, msgspec.Meta)
    }


def _decode(wanted: type, value: Any) -> Any:
    # msgspec adds the place of the value to a ValueError, and to no other error.
    if wanted is InputTag and isinstance(value, str):
        try:
            return InputTag(value)
        except ConfigurationError as error:
            raise ValueError(str(error)) from None
    message = f"Expected `{wanted.__name__}`, got `{type(value).__name__}`"
    raise ValueError(message)


def _encode(value: Any) -> Any:
    if isinstance(value, InputTag):
        return str(value)
    message = f"a parameter of type {type(value).__name__} cannot be frozen"
    raise NotImplementedError(message)


def _refuse_unknown(description: type[ParameterDescription], values: Mapping[str, Any], whose: str) -> None:
    known = description.__struct_encode_fields__
    unknown = [name for name in values if name not in known]
    if unknown:
        hints = "; ".join(f"no parameter {name!r}: {near_names(name, known)}" for name in unknown)
        message = f"{whose}: {hints}"
        raise ConfigurationError(message)


def _explain(
    error: str, description: type[ParameterDescription], values: Mapping[str, Any], whose: str
) -> str:
    missing = re.search(r"missing required field `(\w+)`", error)
    if missing:
        name = missing[1]
        meaning = parameter_docs(description).get(name, "")
        return f"{whose}: parameter {name!r} is required and not given" + (f" ({meaning})" if meaning else "")
    place = re.search(r" - at `\$\.?(\w+)", error)
    if place and place[1] in values:
        name = place[1]
        reason = error.split(" - at ")[0].replace("`array`", "`list`")
        hint = get_type_hints(description)[name]
        if get_origin(hint) is Literal:
            reason = f"expected {' or '.join(map(repr, get_args(hint)))}"
        return f"{whose}: parameter {name} = {values[name]!r}: {reason[0].lower() + reason[1:]}"
    return f"{whose}: {error}"
