"""Process: the job that a job file builds by assigning labelled objects to it."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Config
from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path as FilePath
from typing import Any, TypeVar

from eventproc.config.components import (
    Component,
    EDAnalyzer,
    EDFilter,
    EDProducer,
    Module,
    OutputModule,
    Service,
    Source,
)
from eventproc.config.dump import dump_python
from eventproc.config.labels import Labelled
from eventproc.config.modifiers import Modifier, ModifierChain, ProcessModifier
from eventproc.config.place import caller_place, refuse
from eventproc.config.pruning import unused_labels
from eventproc.config.psets import PSet, VPSet
from eventproc.config.schedules import Schedule
from eventproc.config.sequences import EndPath, FinalPath, Path, Sequence
from eventproc.config.settings import SETTINGS, Settings
from eventproc.config.tasks import Task
from eventproc.errors import near_names

L = TypeVar("L", bound=Labelled)

LISTS = (
    "analyzers", "endpaths", "filters", "finalpaths", "outputModules", "paths", "producers", "psets",
    "schedule", "sequences", "services", "source", "tasks", "vpsets",
)  # fmt: skip
"""What CMSSW's Process lists with and without the trailing underscore, unless a label takes the name."""


class Process:
    """A job: ``process = cms.Process("TOPTAG")``, then ``process.<label> = ...``."""

    def __init__(self, name: str, *modifiers: Modifier | ModifierChain) -> None:
        """Takes the name of the process, and modifiers that shall be in force.

        Raises:
            ConfigurationError: the name is not alphanumeric.
        """
        # Only __setattr__, __delattr__ and extend write these; assignment means labelling.
        self.__dict__["_name"] = ""
        self.__dict__["_where"] = caller_place()
        self.__dict__["_modifiers"] = modifiers
        self.__dict__["_objects"] = {label: kind() for label, kind in SETTINGS.items()}
        self.__dict__["_deleted"] = set()
        self.setName_(name)
        for modifier in modifiers:
            if not isinstance(modifier, (Modifier, ModifierChain)):
                refuse(f"cms.Process takes modifiers after its name, not {modifier!r}")
            modifier._choose()

    def name_(self) -> str:
        """The name of the process, part of the name of every product it makes."""
        return str(self.__dict__["_name"])

    def setName_(self, name: Any) -> None:
        """Gives the process another name.

        Raises:
            ConfigurationError: it is not alphanumeric.
        """
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9]+", name):
            refuse(f"cms.Process: the name {name!r} must be letters and digits, without underscore")
        self.__dict__["_name"] = name

    def load(self, fragment: str) -> None:
        """Imports a fragment and takes everything labelled in it.

        Args:
            fragment: the module's name, ``package.fragment_cff``; ``package/fragment_cff.py`` works too.

        Raises:
            ConfigurationError: there is no such fragment, or it redefines a label.
        """
        name = re.sub(r"\.py$", "", fragment).replace("/", ".")
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{name}.".startswith(f"{error.name}."):
                raise  # the fragment is there, and imports something that is not
            nowhere = "none lies beside the job file; PYTHONPATH can name the folder of others"
            refuse(f"process.load: there is no {fragment!r}: {near_names(name, _fragments(), nowhere)}")
        self.extend(module)

    def extend(self, other: Any) -> None:
        """Takes everything labelled in a module, names with a leading underscore left out.

        Raises:
            ConfigurationError: a label already names something else.
        """
        for label, value in list(vars(other).items()):
            if label.startswith("_"):
                continue
            if isinstance(value, ProcessModifier):
                value.apply(self)
            elif isinstance(value, Labelled):
                self._extend_one(label, value)

    def add_(self, service: Service) -> None:
        """Adds a service under the name of its type.

        Raises:
            ConfigurationError: it is not a service.
        """
        if not isinstance(service, Service):
            refuse(f"process.add_ takes a cms.Service; write process.<label> = {service!r}")
        setattr(self, service.type_(), service)

    def globalReplace(self, label: str, new: Labelled) -> None:
        """Puts another object under a label, on all paths, sequences and tasks too.

        Raises:
            ConfigurationError: nothing has that label.
        """
        if label not in self._objects:
            refuse(f"process has no {label!r} to replace: {near_names(label, self._objects)}")
        setattr(self, label, new)

    def prune(self, verbose: bool = False) -> None:
        """Removes modules, sequences, tasks, paths and PSets that no path that runs has any use for.

        Args:
            verbose: print what goes.
        """
        unused = unused_labels(self)
        for label in unused:
            delattr(self, label)
        if verbose:
            sys.stdout.write(f"prune removed: {', '.join(unused) or 'nothing'}\n")

    def setSchedule_(self, schedule: Schedule) -> None:
        """Gives the process its schedule; the same as assigning it."""
        setattr(self, "schedule", schedule)  # noqa: B010 - what a process holds is no declared attribute

    def isUsingModifier(self, modifier: Modifier) -> bool:
        """Whether the process was made with a modifier."""
        return any(own._contains(modifier) for own in self._modifiers)

    def producers_(self) -> dict[str, EDProducer]:
        """The producers by label."""
        return self._of(EDProducer)

    def filters_(self) -> dict[str, EDFilter]:
        """The filters by label."""
        return self._of(EDFilter)

    def analyzers_(self) -> dict[str, EDAnalyzer]:
        """The analyzers by label."""
        return self._of(EDAnalyzer)

    def outputModules_(self) -> dict[str, OutputModule]:
        """The output modules by label."""
        return self._of(OutputModule)

    def modules_(self) -> dict[str, Module]:
        """All modules by label, in the order of definition."""
        return self._of(Module)

    def services_(self) -> dict[str, Service]:
        """The services by label."""
        return self._of(Service)

    def paths_(self) -> dict[str, Path]:
        """The paths by label, in the order of definition."""
        return self._of(Path)

    def endpaths_(self) -> dict[str, EndPath]:
        """The end paths by label, in the order of definition."""
        return self._of(EndPath)

    def finalpaths_(self) -> dict[str, FinalPath]:
        """The final paths by label, in the order of definition."""
        return self._of(FinalPath)

    def sequences_(self) -> dict[str, Sequence]:
        """The sequences by label."""
        return self._of(Sequence)

    def tasks_(self) -> dict[str, Task]:
        """The tasks by label."""
        return self._of(Task)

    def psets_(self) -> dict[str, PSet]:
        """The PSets by label, options and maxEvents left out."""
        return {label: pset for label, pset in self._of(PSet).items() if not isinstance(pset, Settings)}

    def vpsets_(self) -> dict[str, VPSet]:
        """The VPSets by label."""
        return self._of(VPSet)

    def source_(self) -> Source | None:
        """The source, if there is one."""
        return self._of(Source).get("source")

    def schedule_(self) -> Schedule | None:
        """The schedule, if there is one."""
        return self._of(Schedule).get("schedule")

    def dumpPython(self) -> str:
        """The process as a job file that loads back to the same description."""
        return dump_python(self)

    def _of(self, kind: type[L]) -> dict[str, L]:
        return {label: held for label, held in self._objects.items() if isinstance(held, kind)}

    def _current(self, thing: Any) -> Any:
        """What now stands under the label of an object; the object itself if it has none, None if deleted."""
        label = getattr(thing, "_label", None)
        if label is None or label in self._objects:
            return self._objects.get(label, thing)
        return None if label in self._deleted else thing

    def _extend_one(self, label: str, value: Labelled) -> None:
        if isinstance(value, Source):
            label = "source"
        elif isinstance(value, Schedule):
            label = "schedule"
        held = self._objects.get(label)
        if held is not None and held is not value and not isinstance(held, Settings):
            refuse(
                f"process already has {held._described()}, and the loaded fragment defines {label!r} again "
                f"{value._described()}; assign one of them by hand, or clone it under another label"
            )
        setattr(self, label, value)

    def _check_label(self, label: str, value: Any) -> None:
        if not re.fullmatch(r"[A-Za-z0-9_]+", label) or label.startswith("_"):
            refuse(f"the label {label!r} may hold letters, digits and inner underscores only")
        if hasattr(type(self), label):
            refuse(f"the label {label!r} is a method of cms.Process; choose another one")
        if not isinstance(value, Labelled):
            refuse(f"process.{label} cannot hold {value!r}: only modules, paths, tasks, services and PSets")
        for kind, name in ((Source, "source"), (Schedule, "schedule")):
            if isinstance(value, kind) != (label == name):
                refuse(
                    f"process.{name} holds the cms.{kind.__name__}, and process.{label} cannot be {value!r}"
                )

    def _check_unlabelled(self, label: str, value: Labelled) -> None:
        old = value._label
        if old in (None, label):
            return
        if old not in self._objects and old not in self._deleted:
            refuse(f"{value._described()} has its label from another process; give this one a clone of it")
        if self._objects.get(old) is value:
            refuse(
                f"{value._described()} cannot have the second label {label!r}. Ways out: "
                f"1. process.{label} = process.{old}.clone() makes a module of its own; "
                "2. begin the name of a temporary with an underscore, then process.load leaves it out; "
                f"3. for sequences, process.{label} = cms.Sequence(process.{old})"
            )

    def __setattr__(self, label: str, value: Any) -> None:
        if label in SETTINGS:
            value = SETTINGS[label]()._assigned(value)
        self._check_label(label, value)
        self._check_unlabelled(label, value)
        value._label = label
        self._objects[label] = value
        self._deleted.discard(label)

    def __delattr__(self, label: str) -> None:
        if label not in self._objects:
            message = f"process has no {label!r}: {near_names(label, self._objects)}"
            raise AttributeError(message)
        del self._objects[label]
        if label in SETTINGS:
            self._objects[label] = SETTINGS[label]()
        else:
            self._deleted.add(label)

    def __getattr__(self, label: str) -> Any:
        # Only reached when there is no such attribute; AttributeError is what hasattr() wants.
        objects = self.__dict__.get("_objects", {})
        if label in objects:
            return objects[label]
        if label in LISTS:
            return getattr(self, f"{label}_")()
        if label.startswith("_"):
            raise AttributeError(label)
        message = f"process has no {label!r}: {near_names(label, objects)}"
        raise AttributeError(message)

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._objects]

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from eventproc.config.process_page import render_process  # noqa: PLC0415 - only notebooks need it

        return render_process(self)

    def __repr__(self) -> str:
        counts = f"{len(self._of(Component))} components, {len(self.paths_())} paths"
        return f"<cms.Process {self.name_()!r}: {counts}>"


def _fragments() -> list[str]:
    """Names of what looks like fragments in the folders that a job file imports from first."""
    return [file.stem for folder in sys.path[:2] for file in FilePath(folder or ".").glob("*_cf[fi].py")]
