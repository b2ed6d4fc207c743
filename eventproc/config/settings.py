"""Settings: ``process.options`` and ``process.maxEvents``, PSets of which the names are known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, ClassVar

from eventproc.config.parameters import Bool, Double, Int32, Parameter, String, UInt32, frozen_value
from eventproc.config.place import caller_place, refuse
from eventproc.config.psets import PSet
from eventproc.config.vectors import VString
from eventproc.errors import ConfigurationError, near_names
from eventproc.model.descriptions import ProcessOptions
from eventproc.model.parameter_set import ParameterValue

TYPES: dict[type, Callable[[Any], Parameter]] = {bool: Bool, float: Double, str: String, tuple: VString}

GONE = {
    "SkipEvent": "it is gone from cmsRun too; use TryToContinue",
    "FailPath": "it is gone from cmsRun too; use TryToContinue",
}
"""Names that CMS files may still hold (cms-sw/cmssw#42441)."""


HINTS = (
    "Rethrow",
    "canDeleteEarly",
    "eventSetup",
    "forceEventSetupCacheClearOnNewRun",
    "holdsReferencesToDeleteEarly",
    "modulesToIgnoreForDeleteEarly",
    "numberOfConcurrentLuminosityBlocks",
    "numberOfConcurrentRuns",
    "sizeOfStackForThreadsInKB",
)
"""Options of cmsRun that change no event; taken and not used."""

FIXED: dict[str, ParameterValue] = {
    "IgnoreCompletely": [],
    "accelerators": ["*"],
    "deleteNonConsumedUnscheduledModules": True,
    "dumpOptions": False,
    "fileMode": "FULLMERGE",
    "modulesToCallForTryToContinue": [],
    "printDependencies": False,
    "throwIfIllegalParameter": True,
}
"""Options of cmsRun of which only the default works here (FWCore/ParameterSet, Config.py)."""


class Settings(PSet):
    """A PSet whose names are known; a wrong one is remembered with its place until the job is frozen."""

    _state = PSet._state | {"_wrong"}
    _name: ClassVar[str]

    def __init__(self, known: Mapping[str, Parameter]) -> None:
        """Takes the known names with their defaults."""
        self._wrong: dict[str, str] = {}
        self.__dict__.update(known)
        self._tracked = False
        for value in known.values():
            value.setIsTracked(False)

    def _put(self, name: str, value: Any) -> None:
        plain = self._plain(name, value)
        if name in self.__dict__ and name not in self._wrong:
            super()._put(name, plain)
        else:
            self._check_name(name)
            self._wrong[name] = caller_place()
            self.__dict__[name] = plain

    def _assigned(self, value: Any) -> Settings:
        """Itself with the values of what was assigned to the process."""
        given = dict(value._items()) if isinstance(value, PSet) else value
        if not isinstance(given, Mapping):
            refuse(f"process.{self._name} takes cms.untracked.PSet(...), not {value!r}")
        for name, inner in given.items():
            self._put(name, inner)
        return self

    def _plain(self, name: str, value: Any) -> ParameterValue:
        try:
            return frozen_value(value, f"process.{self._name}.{name}")
        except ConfigurationError as error:
            refuse(str(error))

    def _problems(self) -> list[str]:
        wrong = [name for name in self._wrong if name in self.__dict__]
        return [f"{self._wrong[name]}: {reason}" for name in wrong if (reason := self._reason_against(name))]

    def _reason_against(self, name: str) -> str:
        known = [known for known in self.parameterNames_() if known not in self._wrong]
        return f"process.{self._name} has no {name!r}: {near_names(name, known)}"


class Options(Settings):
    """``process.options``, with the names and defaults of ProcessOptions."""

    _name = "options"

    def __init__(self) -> None:
        """All defaults."""
        super().__init__({field.name: _typed(field.default) for field in fields(ProcessOptions)})

    def _reason_against(self, name: str) -> str:
        value = self.__dict__[name]
        if name in HINTS or (name in FIXED and value == FIXED[name]):
            return ""
        if name in FIXED:
            return f"process.options.{name} = {value!r}: only cmsRun's default {FIXED[name]!r} works here"
        if name in GONE:
            return f"process.options has no {name!r}: {GONE[name]}"
        return super()._reason_against(name)


class MaxEvents(Settings):
    """``process.maxEvents``: how many events to read, -1 for all."""

    _name = "maxEvents"

    def __init__(self) -> None:
        """All events."""
        super().__init__({"input": Int32(-1)})

    def _assigned(self, value: Any) -> Settings:
        return super()._assigned(value if isinstance(value, (PSet, Mapping)) else {"input": value})

    def _put(self, name: str, value: Any) -> None:
        super()._put(name, value)
        if name == "input" and self.__dict__[name].value() < -1:
            refuse("process.maxEvents.input is a number of events, or -1 for all")


SETTINGS: dict[str, type[Options | MaxEvents]] = {"options": Options, "maxEvents": MaxEvents}
"""What a process has from the start, with its defaults."""


def _typed(default: Any) -> Parameter:
    if type(default) is int:
        return UInt32(default) if default >= 0 else Int32(default)
    return TYPES[type(default)](default)
