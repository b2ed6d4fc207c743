"""Labelled: an object that has a name in the process, because it was assigned to one of its attributes."""

# ruff: noqa: N802 - the methods are spelled as in FWCore.ParameterSet.Mixins
from __future__ import annotations

from typing import ClassVar


class Labelled:
    """Base of what a process holds under a label."""

    _label: str | None = None
    _where: str = ""
    _on_tasks: ClassVar[bool] = False

    def hasLabel_(self) -> bool:
        """Whether it was assigned to a process."""
        return self._label is not None

    def label_(self) -> str:
        """The label, "" before it was assigned to a process."""
        return self._label or ""

    def where_(self) -> str:
        """File and line of the definition, such as ``job_cfg.py:12``."""
        return self._where

    def _described(self) -> str:
        """What messages call it."""
        name = f" {self._label!r}" if self._label else ""
        place = f" ({self._where})" if self._where else ""
        return f"cms.{type(self).__name__}{name}{place}"
