"""What a job is made of: Source, EDProducer, EDFilter, EDAnalyzer, OutputModule and Service."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Modules
from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from eventproc.config.labels import Labelled
from eventproc.config.place import caller_place, refuse
from eventproc.config.psets import Parameterizable, PSet, python_arguments
from eventproc.config.sequences import Sequenceable
from eventproc.config.untracked_paths import untracked_paths
from eventproc.model.descriptions import ComponentDescription, ComponentKind

C = TypeVar("C", bound="Component")


class Component(Parameterizable, Labelled):
    """Base of all components: the name of a plugin and its parameters."""

    _kind: ClassVar[ComponentKind]
    _state = frozenset({"_label", "_where", "_type"})

    def __init__(self, type_name: Any, /, *blocks: PSet, **parameters: Any) -> None:
        """Takes the plugin's name, PSets to copy parameters from, and the parameters.

        Raises:
            ConfigurationError: the plugin's name is missing, a block is not a PSet or a name cannot be one.
        """
        if not isinstance(type_name, str) or not type_name:
            refuse(f"cms.{type(self).__name__}: the first argument is the plugin's name, not {type_name!r}")
        self._type = type_name
        self._where = caller_place()
        super().__init__(blocks, parameters)

    def type_(self) -> str:
        """The plugin's name."""
        return self._type

    def copy(self: C) -> C:
        """An independent copy without a label."""
        other = super().copy()
        other._where = caller_place()
        return other

    def dumpPython(self) -> str:
        """The definition as Python text."""
        return self._python("")

    def _description(self, label: str) -> ComponentDescription:
        return ComponentDescription(
            kind=self._kind,
            type=self._type,
            label=label,
            parameters=self._frozen_parameters(),
            untracked=untracked_paths(self),
            where=self._where,
        )

    def _python(self, indent: str) -> str:
        parameters = python_arguments(self._python_parameters(indent + "    "), indent)
        return f"cms.{type(self).__name__}({self._type!r}{',' if parameters else ''}{parameters})"

    def _become(self, other: Parameterizable) -> None:
        super()._become(other)
        if isinstance(other, Component):
            self._type, self._where = other._type, other._where

    def _described(self) -> str:
        label = f" {self._label!r}" if self._label else ""
        place = f" ({self._where})" if self._where else ""
        return f"{type(self).__name__}{label} of type {self._type!r}{place}"

    def __repr__(self) -> str:
        return f"<{self._described()}>"


class Source(Component):
    """``cms.Source("PoolSource", fileNames = ...)``: where events come from."""

    _kind = "Source"


class Service(Component):
    """``cms.Service("Timing")``: something a job has once."""

    _kind, _on_tasks = "Service", True


class Module(Component, Sequenceable):
    """Base of what can stand on a path."""


class EDProducer(Module):
    """``cms.EDProducer("EcalJetProducer", jetEtMin = 20)``: adds products."""

    _kind, _on_tasks = "EDProducer", True


class EDFilter(Module):
    """``cms.EDFilter("TopFilter", minScore = 0.5)``: decides whether a path goes on."""

    _kind, _on_tasks = "EDFilter", True


class EDAnalyzer(Module):
    """``cms.EDAnalyzer("TopAnalyzer")``: looks at events."""

    _kind = "EDAnalyzer"


class OutputModule(Module):
    """``cms.OutputModule("PoolOutputModule", fileName = "out.root")``: writes events."""

    _kind = "OutputModule"
