"""load_process: runs a job file and hands out the process that it defines."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from eventproc.config.aliases import cmssw_names
from eventproc.config.labels import Labelled
from eventproc.config.modifiers import forget_chosen
from eventproc.config.place import OWN_FOLDER
from eventproc.config.process import Process
from eventproc.config.words import words_given
from eventproc.errors import (
    CommandLineError,
    ConfigFileNotFound,
    ConfigFileReadError,
    EventProcError,
    near_names,
)


def load_process(path: Path, words: Sequence[str] = ()) -> Process:
    """Runs a job file as Python runs a script, and takes its variable ``process``.

    While it runs, fragments are found in its folder, the words are its command line, and CMSSW's import
    names lead to this language. Fragments are imported anew for every job file.

    Args:
        path: the job file.
        words: what followed it on the command line.

    Raises:
        ConfigFileNotFound: it does not exist or cannot be read.
        ConfigFileReadError: it is not Python, raises an exception, or defines no process.
        CommandLineError: there are words and the job file never looks at them.
        EventProcError: what the language itself has to say against it.
    """
    code = _compiled(path, _read(path))
    module = ModuleType("__main__")
    module.__file__ = str(path)
    with words_given(path, words) as command_line, cmssw_names(), _as_script(path, module):
        _run(path, code, module)
    process = _process_of(path, vars(module))
    if words and not command_line.was_read:
        message = (
            f"job file {str(path)!r} reads no words, {words[0]!r} has no effect; cms.VarParsing reads them"
        )
        raise CommandLineError(message)
    return process


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        hint = near_names(path.name, _neighbours(path), "its folder holds no Python file")
        message = f"job file {str(path)!r} does not exist: {hint}"
        raise ConfigFileNotFound(message) from None
    except IsADirectoryError:
        hint = near_names(path.name, _neighbours(path / path.name), "it holds no Python file")
        message = f"{str(path)!r} is a folder, not a job file: {hint}"
        raise ConfigFileNotFound(message) from None
    except OSError as error:
        message = f"job file {str(path)!r} cannot be read: {error.strerror}"
        raise ConfigFileNotFound(message) from error


def _neighbours(path: Path) -> list[str]:
    try:
        return [file.name for file in path.parent.glob("*.py")]
    except OSError:
        return []


def _compiled(path: Path, text: bytes) -> CodeType:
    try:
        return compile(text, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # NUL bytes, deep nesting
        lines = "".join(traceback.format_exception_only(error)).rstrip()
        message = f"job file {str(path)!r} is not Python:\n{lines}"
        raise ConfigFileReadError(message) from None


def _run(path: Path, code: CodeType, module: ModuleType) -> None:
    try:
        exec(code, vars(module))  # noqa: S102 - a job file is a program that its user wants to run
    except EventProcError:
        raise
    except Exception as error:
        message = f"job file {str(path)!r} raised an exception:\n{_users_traceback(error)}"
        raise ConfigFileReadError(message) from error


def _users_traceback(error: Exception) -> str:
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith((OWN_FOLDER, "<frozen", importlib.__file__))
    ]
    lines = [*traceback.format_list(frames), *traceback.format_exception_only(error)]
    return "".join(lines).rstrip()


def _process_of(path: Path, names: dict[str, Any]) -> Process:
    process = names.get("process")
    if isinstance(process, Process):
        return process
    others = [name for name, value in names.items() if isinstance(value, Process)]
    if "process" in names:
        reason = f"its variable 'process' is a {type(process).__name__}, not a cms.Process"
    else:
        reason = "it defines no variable 'process'"
    if others:
        advice = f"{others[0]!r} is a cms.Process: call it 'process'"
    else:
        advice = 'write process = cms.Process("NAME")'
    message = f"job file {str(path)!r}: {reason}; {advice}"
    raise ConfigFileReadError(message)


@contextmanager
def _as_script(path: Path, module: ModuleType) -> Iterator[None]:
    """Python's view of the world while a script runs; fragments and modifiers do not outlive it."""
    folder = str(path.resolve().parent)
    main, search, imported = sys.modules["__main__"], list(sys.path), set(sys.modules)
    sys.modules["__main__"] = module
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.modules["__main__"] = main
        sys.path[:] = search
        for name in set(sys.modules) - imported:
            if _is_fragment(sys.modules[name], Path(folder)):
                _forget(name)
        forget_chosen()


def _forget(name: str) -> None:
    """Takes a module out of sys.modules and out of its package, where ``from package import x`` looks."""
    module = sys.modules.pop(name)
    package, _, child = name.rpartition(".")
    if getattr(sys.modules.get(package), child, None) is module:
        delattr(sys.modules[package], child)


def _is_fragment(module: ModuleType, folder: Path) -> bool:
    """Whether the next job file needs its own: it lies beside this one or holds what a job can change."""
    beside = Path(getattr(module, "__file__", None) or "").parent == folder
    return beside or any(isinstance(value, (Labelled, Process)) for value in vars(module).values())
