"""VarParsing: options of a job file, given as words after it on the command line."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.VarParsing
from __future__ import annotations

import operator
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from eventproc.config.option import STANDARD, Multiplicity, Option, VarType, type_of_default
from eventproc.config.words import command_line_words
from eventproc.errors import CommandLineError, near_names

COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

COMMANDS = ("help", "print", "noprint", "multipleAssign")


@dataclass(frozen=True, slots=True)
class _Tag:
    """Text appended to output file names under a condition on an option."""

    text: str
    option: str
    comparison: str
    bound: float
    argument: str | None = field(default=None)


class VarParsing:
    """The options of a job file: ``options.register(...)``, ``options.parseArguments()``, ``options.name``.

    ``outputFile=o.root maxEvents=50`` writes ``o.root``: what is typed is what is written, so that scripts
    and make rules find the file. CMSSW would write ``o_numEvent50.root``; ``eventTag=True`` asks for that.
    """

    multiplicity = Multiplicity
    varType = VarType

    def __init__(self, *sets: str, eventTag: bool = False) -> None:  # noqa: N803
        """Takes names of sets of standard options.

        Args:
            sets: ``analysis``: maxEvents, totalSections, section, inputFiles, secondaryInputFiles,
                outputFile, secondaryOutputFile; ``standard``: maxEvents and the old names files,
                secondaryFiles, output, secondaryOutput.
            eventTag: append ``_numEvent<N>`` to the output file's name when maxEvents is positive.

        Raises:
            CommandLineError: there is no such set.
        """
        # Options by name and tags in order; register, setDefault, setupTags and parseArguments write them.
        self._options: dict[str, Option] = {}
        self._tags: list[_Tag] = []
        for name in sets:
            if name.lower() not in STANDARD:
                message = f"VarParsing: no set of options {name!r}: {near_names(name, STANDARD)}"
                raise CommandLineError(message)
            for option in STANDARD[name.lower()]:
                self.register(*option)
            if eventTag:
                self.setupTags(tag="numEvent%d", ifCond="maxEvents > 0", tagArg="maxEvents")

    def register(
        self,
        name: str,
        default: Any = "",
        mult: Multiplicity | None = None,
        mytype: VarType | None = None,
        info: str = "",
        *,
        noCommaSplit: bool = False,  # noqa: N803
        noDefaultClear: bool = False,  # noqa: N803
    ) -> None:
        """Adds an option.

        Args:
            name: letters and digits.
            default: its value when the command line is silent; for a list, one value or several.
            mult: ``VarParsing.multiplicity.singleton`` or ``.list``; as the default is when not given.
            mytype: ``VarParsing.varType.bool``, ``.int``, ``.float``, ``.string`` or ``.tagString``; when
                not given, that of the default, or ``.int``, as in CMSSW, where the default is empty too.
            info: what it means, for ``help``.
            noCommaSplit: a comma in a list's value is part of it.
            noDefaultClear: the command line adds to a list's default in place of replacing it.

        Raises:
            CommandLineError: the name is taken or not a name, or the default is of another type.
        """
        if not re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", name) or name in COMMANDS or hasattr(type(self), name):
            self._fail(f"an option cannot be called {name!r}; use letters and digits, without underscore")
        if name in self._options:
            self._fail(f"option {name!r} is registered twice")
        mult = mult or (Multiplicity.list if isinstance(default, list | tuple) else Multiplicity.singleton)
        mytype = mytype or type_of_default(default)
        if mult is Multiplicity.list and mytype is VarType.tagString:
            self._fail(f"option {name!r}: a tagString is a singleton")
        option = Option(name, mult, mytype, info, not noCommaSplit, noDefaultClear)
        self._options[name] = option
        unset = default is None or default == ""
        if mult is Multiplicity.list:
            option.value = [] if unset else option.entries(default)
        else:
            option.value = default if unset else option.converted(default)

    def parseArguments(self) -> None:
        """Reads the command line's words.

        Raises:
            CommandLineError: a word cannot be used.
            SystemExit: after printing the options, when a word is ``help``.
        """
        words = command_line_words()
        commands = [word.lower().lstrip("-") for word in words if "=" not in word]
        if "help" in commands:
            self.help()
        for word in words:
            self._read_word(word, many="multipleassign" in commands)
        self._cut_section()
        if "print" in commands and "noprint" not in commands:
            self._show(str(self))

    def setDefault(self, name: str, *values: Any) -> None:
        """Sets an option as an assignment does.

        Raises:
            CommandLineError: there is no such option, or a value is of another type.
        """
        option = self._found(name)
        if option.multiplicity is Multiplicity.list:
            option.value = option.entries(values[0] if len(values) == 1 else values)
        elif len(values) != 1:
            self._fail(f"option {name!r} takes one value, not {len(values)}")
        else:
            option.value = option.converted(values[0])

    def setType(self, name: str, mytype: VarType) -> None:
        """Gives an option another type.

        Raises:
            CommandLineError: there is no such option, or its value does not fit.
        """
        option = self._found(name)
        option.type = mytype
        self.setDefault(name, option.value)

    def clearList(self, name: str) -> None:
        """Empties a list.

        Raises:
            CommandLineError: there is no such list.
        """
        option = self._found_list(name, f"{name}_clear")
        option.value, option.given = [], True

    def loadFromFile(self, name: str, filename: str) -> None:
        """Appends the lines of a file to a list; ``#`` begins a comment.

        Raises:
            CommandLineError: there is no such list, or the file cannot be read.
        """
        option = self._found_list(name, f"{name}_load={filename}")
        try:
            text = Path(filename).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not text"
            self._fail(f"{name}_load={filename}: the file cannot be read: {reason}")
        lines = (line.partition("#")[0].strip() for line in text.splitlines())
        self._append(option, [option.converted(line) for line in lines if line])

    def setNoCommaSplit(self, name: str, value: bool = True) -> None:
        """Makes a comma part of a list's value.

        Raises:
            CommandLineError: there is no such list.
        """
        self._found_list(name, "setNoCommaSplit").split_commas = not value

    def setNoDefaultClear(self, name: str, value: bool = True) -> None:
        """Lets the command line add to a list's default.

        Raises:
            CommandLineError: there is no such list.
        """
        self._found_list(name, "setNoDefaultClear").keep_default = value

    def setupTags(self, *, tag: str, ifCond: str, tagArg: str | None = None) -> None:  # noqa: N803
        """Appends text to every tagString while an option fulfils a condition.

        Args:
            tag: the text, with one ``%`` format if there is a tagArg.
            ifCond: an option's name, or such as ``maxEvents > 0``.
            tagArg: name of the option that is formatted into the text.

        Raises:
            CommandLineError: the condition is none.
        """
        match = re.fullmatch(r"\s*(\w+)\s*(?:(==|!=|<=|>=|<|>)\s*(-?[\d.]+))?\s*", ifCond)
        if not match:
            self._fail(f"setupTags: the condition {ifCond!r} does not read like 'maxEvents > 0'")
        name, comparison, bound = match.groups()
        self._tags.append(_Tag(tag, name, comparison or "!=", float(bound or 0), tagArg))

    def has_key(self, name: str) -> bool:
        """Whether an option is registered."""
        return name in self._options

    def help(self) -> None:
        """Prints the options and ends the program.

        Raises:
            SystemExit: always, with 0.
        """
        self._show(f"{self}\n{COMMAND_HELP}")
        sys.exit(0)

    def _read_word(self, word: str, *, many: bool) -> None:
        name, equals, value = word.partition("=")
        if name.lower().lstrip("-") in [command.lower() for command in COMMANDS] and not equals:
            return
        name = name.lstrip("-")
        option, underscore, command = name.partition("_")
        if underscore and command.lower() == "load" and equals:
            self.loadFromFile(option, value)
        elif underscore and command.lower() == "clear":
            self.clearList(option)
        elif underscore and option in self._options:
            self._fail(f"{word!r}: no command {command!r}: there are {option}_load=FILE and {option}_clear")
        elif not equals:
            known = [*COMMANDS, *(f"{other}=..." for other in self._options)]
            self._fail(f"word {word!r} is neither name=value nor a command: {near_names(name, known)}")
        else:
            self._set(self._found(name), value, many=many)

    def _set(self, option: Option, value: str, *, many: bool) -> None:
        if option.multiplicity is Multiplicity.list:
            self._append(option, option.entries(value))
            return
        if option.given and not many:
            self._fail(
                f"option {option.name!r} is given twice ({option.value!r}, then {value!r}); "
                "the word multipleAssign lets the last one win"
            )
        option.value, option.given = option.converted(value), True

    def _append(self, option: Option, values: list[Any]) -> None:
        if not option.given and not option.keep_default:
            option.value = []
        option.given = True
        option.value.extend(values)

    def _cut_section(self) -> None:
        """Keeps section number ``section`` of ``totalSections`` equal runs of the input files."""
        if not all(name in self._options for name in ("totalSections", "section", "inputFiles")):
            return
        section, total, files = (self._options[n].value for n in ("section", "totalSections", "inputFiles"))
        if not total and not section:
            return
        if not 1 <= section <= total:
            self._fail(f"section={section} totalSections={total}: section counts from 1 to totalSections")
        self._options["inputFiles"].value = files[
            len(files) * (section - 1) // total : len(files) * section // total
        ]

    def _found(self, name: str) -> Option:
        if name not in self._options:
            self._fail(f"no option {name!r}: {near_names(name, self._options)}")
        return self._options[name]

    def _found_list(self, name: str, doing: str) -> Option:
        option = self._found(name)
        if option.multiplicity is not Multiplicity.list:
            self._fail(f"{doing}: option {name!r} is not a list")
        return option

    def _tagged(self, name: str) -> str:
        stem = re.sub(r"\.root$", "", name)
        texts = [
            tag.text % self._options[tag.argument].value if tag.argument else tag.text
            for tag in self._tags
            if _holds(self._found(tag.option).value, tag.comparison, tag.bound)
        ]
        return "_".join([stem, *texts]) + ".root" if texts and name else name

    def _fail(self, message: str) -> NoReturn:
        raise CommandLineError(message)

    def _show(self, text: str) -> None:
        sys.stdout.write(text + "\n")

    def __str__(self) -> str:
        width = max((len(name) for name in self._options), default=0)
        lines = []
        for name, option in sorted(self._options.items()):
            lines.append(f"  {name:{width}} : {option.value!r}")
            if option.info:
                lines.append(f"  {'':{width}}   {option.info}")
        return "\n".join(lines)

    def __getattr__(self, name: str) -> Any:
        # Only reached when there is no such attribute; AttributeError is what hasattr() wants.
        options = self.__dict__.get("_options", {})
        if name not in options:
            message = f"no option {name!r}: {near_names(name, options)}"
            raise AttributeError(message)
        option = options[name]
        return self._tagged(option.value) if option.type is VarType.tagString else option.value

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self.setDefault(name, value)


def _holds(value: Any, comparison: str, bound: float) -> bool:
    if isinstance(value, str):
        return bool(value)
    return bool(COMPARISONS[comparison](value, bound))


COMMAND_HELP = """Commands:
  help           : this page
  print          : prints the values
  multipleAssign : an option given twice keeps the last value
  NAME_load=FILE : appends the lines of a file to list NAME
  NAME_clear     : empties list NAME"""
