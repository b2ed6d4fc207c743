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
    top, middle = ModuleType("FWCore"), ModuleType("FWCore.ParameterSet")
    # Python asks a module for __path__ before it imports from it; an empty one finds nothing else there.
    top.__path__, middle.__path__ = [], []
    setattr(top, "ParameterSet", middle)  # noqa: B010 - ModuleType declares no such attribute
    modules = {"FWCore": top, "FWCore.ParameterSet": middle}
    for alias, own in ALIASES.items():
        modules[alias] = import_module(own)
        setattr(middle, alias.rpartition(".")[2], modules[alias])
    return modules
