"""The errors of the framework: each class knows its CMSSW exit code, each instance where it happened."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import ClassVar


class EventProcError(Exception):
    """Base of all errors that the framework raises on purpose.

    Attributes:
        exit_code: CMSSW's code for this class of error (FWCore/Utilities/interface/EDMException.h).
        category: the name cmsRun prints for it.
        tries_to_continue: the job goes on after it, whether or not TryToContinue names its category.
        context: what was being done, outermost first; filled while the error travels up.
    """

    exit_code: ClassVar[int] = 8001
    category: ClassVar[str] = "OtherCMS"
    tries_to_continue: ClassVar[bool] = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.context: list[str] = []

    def add_context(self, doing: str) -> None:
        """Puts one more outer step in front of what is known of the way to the error."""
        self.context.insert(0, doing)

    @property
    def shell_code(self) -> int:
        """The code a shell sees: the CMSSW code modulo 256."""
        return self.exit_code & 0xFF


class CommandLineError(EventProcError):
    """A word on the command line cannot be used."""

    exit_code = 7000
    category = "CommandLineProcessing"


class ConfigFileNotFound(EventProcError):
    """The job file does not exist or cannot be opened."""

    exit_code = 7001
    category = "ConfigFileNotFound"


class ConfigFileReadError(EventProcError):
    """The job file is not Python, raises, or defines no process."""

    exit_code = 7002
    category = "ConfigFileReadError"


class ModuleFailure(EventProcError):
    """A module raised an exception that is not one of the framework's (std::exception in CMSSW)."""

    exit_code = 8002
    category = "StdException"


class BadAlloc(EventProcError):
    """Memory ran out."""

    exit_code = 8004
    category = "BadAlloc"


class ProductNotFound(EventProcError):
    """A module asked the event for a product that is not there."""

    exit_code = 8006
    category = "ProductNotFound"


class ConfigurationError(EventProcError):
    """The job is described wrongly: unknown plugin, bad parameter, product nobody makes."""

    exit_code = 8009
    category = "Configuration"


class LogicError(EventProcError):
    """A module or the framework broke a contract, such as putting a product twice."""

    exit_code = 8010
    category = "LogicError"


class EventTimeout(EventProcError):
    """An event took longer than it may."""

    exit_code = 8015
    category = "EventTimeout"


class EventCorruption(EventProcError):
    """The content of an event makes no sense, such as NaN energies."""

    exit_code = 8016
    category = "EventCorruption"


class FileOpenError(EventProcError):
    """An input file is missing, empty, truncated or not a ROOT file."""

    exit_code = 8020
    category = "FileOpenError"


class FileReadError(EventProcError):
    """An input file opened but its content could not be read."""

    exit_code = 8021
    category = "FileReadError"


class MismatchedInputFiles(EventProcError):
    """Input files of one job hold different products."""

    exit_code = 8023
    category = "MismatchedInputFiles"


class FileWriteError(EventProcError):
    """The output could not be written completely."""

    exit_code = 8033
    category = "FileWriteError"


class UnavailableAccelerator(EventProcError):
    """The job asks for an accelerator this machine does not have."""

    exit_code = 8035
    category = "UnavailableAccelerator"


class ExternalFailure(EventProcError):
    """Something outside this process, such as an inference server, failed for good."""

    exit_code = 8036
    category = "ExternalFailure"


class UnexpectedTermination(EventProcError):
    """The job ended without saying why; written ahead into the report, removed by a normal end."""

    exit_code = 8901
    category = "UnexpectedJobTermination"


class CaughtSignal(EventProcError):
    """The job was asked to stop by a signal and stopped at an event boundary."""

    exit_code = 9000
    category = "CaughtSignal"

    def __init__(self, message: str, signal_number: int) -> None:
        super().__init__(message)
        self.signal_number = signal_number

    @property
    def shell_code(self) -> int:
        """Shells read 128 + n as death by signal n."""
        return 128 + self.signal_number


def as_framework_error(error: Exception) -> EventProcError:
    """The framework's error for any exception: itself, or a failure that names it as its cause."""
    if isinstance(error, EventProcError):
        return error
    kind = BadAlloc if isinstance(error, MemoryError) else ModuleFailure
    failure = kind(f"{type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def error_categories(base: type[EventProcError] = EventProcError) -> set[str]:
    """The categories of all errors there are, those that other packages add included."""
    return {base.category}.union(*(error_categories(kind) for kind in base.__subclasses__()))


def near_names(name: str, known: Iterable[str], none: str = "there are none") -> str:
    """A sentence that offers the known names nearest to a wrong one.

    Args:
        name: the wrong one.
        known: those that there are.
        none: what to say where there are none.

    Returns:
        ``"did you mean 'a', 'b'?"`` when something is near, else the list of what exists.
    """
    names = sorted(set(known))
    if not names:
        return none
    folded = {candidate.casefold(): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.5)
    if close:
        return "did you mean " + ", ".join(repr(folded[match]) for match in close) + "?"
    shown = ", ".join(repr(candidate) for candidate in names[:12])
    return f"known: {shown}" + (", ..." if len(names) > 12 else "")
