"""CMSSW's import names for the language, valid while a job file loads."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType

ALIASES = {
    "FWCore.ParameterSet.Config": "eventproc.config",
    "FWCore.ParameterSet.VarParsing": "eventproc.config.varparsing",
    "FWCore.ParameterSet.MassReplace": "eventproc.config.replacing",
    "FWCore.PythonUtilities.LumiList": "eventproc.config.lumi_list",
}
"""What a file written for CMSSW imports, and what it gets."""


@contextmanager
def cmssw_names() -> Iterator[None]:
    """Lets ``import FWCore.ParameterSet.Config as cms`` find this language, for a while."""
    modules = _alias_modules()
    before = {name: sys.modules[name] for name in modules if name in sys.modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in modules:
            sys.modules.pop(name, None)
        sys.modules.update(before)


def _alias_modules() -> dict[str, ModuleType]:
    modules = {"FWCore": _package("FWCore")}
    for alias, own in ALIASES.items():
        folder, _, name = alias.rpartition(".")
        if folder not in modules:
            modules[folder] = _package(folder)
            setattr(modules["FWCore"], folder.rpartition(".")[2], modules[folder])
        modules[alias] = import_module(own)
        setattr(modules[folder], name, modules[alias])
    return modules


def _package(name: str) -> ModuleType:
    package = ModuleType(name)
    # Python asks a module for __path__ before it imports from it; an empty one finds nothing else there.
    package.__path__ = []
    return package
