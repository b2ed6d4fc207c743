"""The language of job files: ``import eventproc.config as cms``; names as in FWCore.ParameterSet.Config."""

# ruff: noqa: A004, N813 - cms.bool, cms.int32, ... are what physicists write

from typing import TYPE_CHECKING, NoReturn

from eventproc.config.components import EDAnalyzer, EDFilter, EDProducer, OutputModule, Service, Source
from eventproc.config.identifiers import (
    ESInputTag,
    EventID,
    EventRange,
    InputTag,
    LuminosityBlockID,
    LuminosityBlockRange,
)
from eventproc.config.modifiers import Modifier, ModifierChain
from eventproc.config.parameters import Bool as bool
from eventproc.config.parameters import Double as double
from eventproc.config.parameters import FileInPath
from eventproc.config.parameters import Int32 as int32
from eventproc.config.parameters import Int64 as int64
from eventproc.config.parameters import String as string
from eventproc.config.parameters import UInt32 as uint32
from eventproc.config.parameters import UInt64 as uint64
from eventproc.config.process import Process
from eventproc.config.psets import PSet, VPSet
from eventproc.config.replacing import massReplaceInputTag
from eventproc.config.schedules import Schedule
from eventproc.config.sequences import EndPath, FinalPath, Path, Sequence, ignore, wait
from eventproc.config.tasks import ConditionalTask, Task
from eventproc.config.untracked import untracked
from eventproc.config.varparsing import VarParsing
from eventproc.config.vectors import VBool as vbool
from eventproc.config.vectors import VDouble as vdouble
from eventproc.config.vectors import (
    VESInputTag,
    VEventID,
    VEventRange,
    VInputTag,
    VLuminosityBlockID,
    VLuminosityBlockRange,
)
from eventproc.config.vectors import VInt32 as vint32
from eventproc.config.vectors import VInt64 as vint64
from eventproc.config.vectors import VString as vstring
from eventproc.config.vectors import VUInt32 as vuint32
from eventproc.config.vectors import VUInt64 as vuint64
from eventproc.errors import near_names

__all__ = [
    "ConditionalTask",
    "EDAnalyzer",
    "EDFilter",
    "EDProducer",
    "ESInputTag",
    "EndPath",
    "EventID",
    "EventRange",
    "FileInPath",
    "FinalPath",
    "InputTag",
    "LuminosityBlockID",
    "LuminosityBlockRange",
    "Modifier",
    "ModifierChain",
    "OutputModule",
    "PSet",
    "Path",
    "Process",
    "Schedule",
    "Sequence",
    "Service",
    "Source",
    "Task",
    "VESInputTag",
    "VEventID",
    "VEventRange",
    "VInputTag",
    "VLuminosityBlockID",
    "VLuminosityBlockRange",
    "VPSet",
    "VarParsing",
    "bool",
    "double",
    "ignore",
    "int32",
    "int64",
    "massReplaceInputTag",
    "string",
    "uint32",
    "uint64",
    "untracked",
    "vbool",
    "vdouble",
    "vint32",
    "vint64",
    "vstring",
    "vuint32",
    "vuint64",
    "wait",
]

if not TYPE_CHECKING:  # a type checker would take it for "any name exists"

    def __getattr__(name: str) -> NoReturn:
        """Says which name was meant."""
        known = near_names(name, __all__)
        reason = "this framework has no EventSetup" if name.startswith("ES") else known
        message = f"cms has no {name!r}: {reason}"
        raise AttributeError(message)
