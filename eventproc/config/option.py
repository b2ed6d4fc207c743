"""Option: one option of a job file's command line, its type and its standard sets."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from eventproc.errors import CommandLineError

TRUE_WORDS = ("true", "t", "yes", "y", "on", "1")
FALSE_WORDS = ("false", "f", "no", "n", "off", "0")


class Multiplicity(Enum):
    """How many values an option holds."""

    singleton = "one"
    list = "many"


class VarType(Enum):
    """What the values of an option are; a tagString is an output file that gets tags."""

    bool = "true or false"
    int = "a whole number"
    float = "a number"
    string = "text"
    tagString = "a file name"


def type_of_default(default: object) -> VarType:
    """The type of an option that only its default describes."""
    first = next(iter(default), "text") if isinstance(default, list | tuple) else default
    match first:
        case bool():
            return VarType.bool
        case float():
            return VarType.float
        case str() if first:
            return VarType.string
        case _:
            return VarType.int


@dataclass(slots=True)
class Option:
    """A registered option with its present value.

    Attributes:
        name: its name on the command line.
        multiplicity: one value or a list.
        type: the type of each value.
        info: what it means.
        split_commas: whether a comma separates values of a list.
        keep_default: whether the command line adds to a list's default.
        value: a plain value, or a list of them.
        given: whether the command line set it.
    """

    name: str
    multiplicity: Multiplicity
    type: VarType
    info: str
    split_commas: bool = True
    keep_default: bool = False
    value: Any = None
    given: bool = False

    def converted(self, value: Any) -> Any:
        """One value, from text or not.

        Raises:
            CommandLineError: it is of another type.
        """
        text = str(value).strip()
        try:
            match self.type:
                case VarType.bool:
                    return _boolean(text)
                case VarType.int:
                    return int(text, 0 if text.lower().lstrip("+-").startswith(("0x", "0o", "0b")) else 10)
                case VarType.float:
                    return float(text)
                case _:
                    return str(value)
        except ValueError:
            message = f"option {self.name}={value}: {text!r} is not {self.type.value}"
            raise CommandLineError(message) from None

    def entries(self, values: Any) -> list[Any]:
        """The values of a list, from one or several, empty ones left out.

        Raises:
            CommandLineError: one is of another type.
        """
        many = list(values) if isinstance(values, (list, tuple, set)) else [values]
        if self.split_commas:
            many = [
                part for entry in many for part in (entry.split(",") if isinstance(entry, str) else [entry])
            ]
        return [self.converted(entry) for entry in many if entry != ""]


def _boolean(text: str) -> bool:
    if text.lower() in TRUE_WORDS:
        return True
    if text.lower() in FALSE_WORDS:
        return False
    raise ValueError(text)


_ONE, _MANY = Multiplicity.singleton, Multiplicity.list
_COUNTS = (
    ("maxEvents", -1, _ONE, VarType.int, "Number of events to process (-1 for all)"),
    ("totalSections", 0, _ONE, VarType.int, "Total number of sections"),
    ("section", 0, _ONE, VarType.int, "This section (from 1 to totalSections)"),
)


def _files(inputs: str, output: str) -> tuple[tuple[Any, ...], ...]:
    """Registration of input and output files under names of the new or the old manner."""
    return (
        (inputs, "", _MANY, VarType.string, "Files to process"),
        (f"secondary{inputs[0].upper()}{inputs[1:]}", "", _MANY, VarType.string, "Second group of files"),
        (output, "output.root", _ONE, VarType.tagString, "Name of the output file"),
        (
            f"secondary{output[0].upper()}{output[1:]}",
            "",
            _ONE,
            VarType.tagString,
            "Name of a second output file",
        ),
    )


STANDARD = {
    "analysis": (*_COUNTS, *_files("inputFiles", "outputFile")),
    "standard": (_COUNTS[0], *_files("files", "output")),
}
"""Sets of options as in FWCore/ParameterSet/python/VarParsing.py."""
