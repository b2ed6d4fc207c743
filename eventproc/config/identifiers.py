"""Typed names of products, events and ranges: ``cms.InputTag``, ``cms.EventID``, ``cms.EventRange``, ..."""

# ruff: noqa: N802 - the attributes are spelled as in FWCore.ParameterSet.Types
from __future__ import annotations

import re
from typing import Any, ClassVar

from eventproc.config.parameters import Scalar
from eventproc.config.place import refuse
from eventproc.model.event_id import EventID as ModelEventID
from eventproc.model.input_tag import InputTag as ModelInputTag


class _Identifier(Scalar[str]):
    """A name with parts joined by colons; frozen to its text."""

    def __init__(self, *parts: Any) -> None:
        """Takes the parts or the joined text.

        Raises:
            ConfigurationError: the parts do not make a name.
        """
        super().__init__(parts[0] if len(parts) == 1 else ":".join(str(part) for part in parts))

    def _frozen(self, name: str) -> str:  # noqa: ARG002 - nothing can go wrong here
        return self._value

    def __str__(self) -> str:
        return self._value

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            other = other.rstrip(":")
        return super().__eq__(other)

    __hash__ = None


class InputTag(_Identifier):
    """``cms.InputTag("label", "instance", "process")`` or ``cms.InputTag("label:instance:process")``.

    The empty tag is CMSSW's way to say that there is none.
    """

    _type = "InputTag"

    def __init__(self, label: Any = "", instance: str = "", process: str = "") -> None:
        """Takes the parts or the joined text.

        Raises:
            ConfigurationError: there are more than three parts, or an instance without a label.
        """
        super().__init__(*((label, instance, process) if instance or process else (label,)))

    @classmethod
    def _checked(cls, value: Any) -> str:
        if not isinstance(value, (str, ModelInputTag, InputTag)):
            refuse(f"cms.{cls._type}: {value!r} is not text such as 'label:instance:process'")
        text = str(value).rstrip(":")
        if text.count(":") > 2 or text.startswith(":") or re.search(r"\s", text):
            refuse(f"cms.{cls._type}: {str(value)!r} is not label, label:instance or label:instance:process")
        return text

    @staticmethod
    def skipCurrentProcess() -> str:
        """The process name that means: made before this process."""
        return "@skipCurrentProcess"

    @staticmethod
    def currentProcess() -> str:
        """The process name that means: made in this process."""
        return "@currentProcess"

    def _part(self, index: int) -> str:
        return [*self._value.split(":"), "", ""][index]

    def _with_part(self, index: int, text: str) -> None:
        parts = [self._part(0), self._part(1), self._part(2)]
        parts[index] = text
        self._value = self._checked(":".join(parts))

    @property
    def moduleLabel(self) -> str:
        """The label of the module that makes the product."""
        return self._part(0)

    @moduleLabel.setter
    def moduleLabel(self, text: str) -> None:
        self._with_part(0, text)

    @property
    def productInstanceLabel(self) -> str:
        """The instance, "" for a module's unnamed product."""
        return self._part(1)

    @productInstanceLabel.setter
    def productInstanceLabel(self, text: str) -> None:
        self._with_part(1, text)

    @property
    def processName(self) -> str:
        """The process, "" for the most recent one."""
        return self._part(2)

    @processName.setter
    def processName(self, text: str) -> None:
        self._with_part(2, text)

    def getModuleLabel(self) -> str:
        """The label of the module that makes the product."""
        return self.moduleLabel

    def getProductInstanceLabel(self) -> str:
        """The instance, "" for a module's unnamed product."""
        return self.productInstanceLabel

    def getProcessName(self) -> str:
        """The process, "" for the most recent one."""
        return self.processName

    def setModuleLabel(self, text: str) -> None:
        """Changes the label."""
        self.moduleLabel = text

    def setProductInstanceLabel(self, text: str) -> None:
        """Changes the instance."""
        self.productInstanceLabel = text

    def setProcessName(self, text: str) -> None:
        """Changes the process."""
        self.processName = text


class ESInputTag(_Identifier):
    """``cms.ESInputTag("module", "data")``: kept for CMSSW's files; this framework has no EventSetup."""

    _type = "ESInputTag"

    def __init__(self, module: Any = "", data: str = "") -> None:
        """Takes the parts or the joined text.

        Raises:
            ConfigurationError: there are more than two parts.
        """
        super().__init__(*((module, data) if data else (module,)))

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = str(value)
        if not isinstance(value, (str, ESInputTag)) or text.count(":") > 1:
            refuse(f"cms.ESInputTag: {text!r} is not 'module:data'")
        return text.rstrip(":")


class _Numbered(_Identifier):
    """An identifier whose text matches a pattern."""

    _pattern: ClassVar[str]
    _form: ClassVar[str]

    @classmethod
    def _checked(cls, value: Any) -> str:
        text = cls._text(value)
        if not re.fullmatch(cls._pattern, text):
            refuse(f"cms.{cls._type}: {value!r} does not read {cls._form}")
        return text

    @classmethod
    def _text(cls, value: Any) -> str:
        return str(value).upper().replace(" ", "")


class EventID(_Numbered):
    """``cms.EventID(run, lumi, event)`` or ``cms.EventID("run:lumi:event")``."""

    _type = "EventID"
    _pattern = r"\d+:\d+:\d+"
    _form = "run:luminosityBlock:event"

    @classmethod
    def _text(cls, value: Any) -> str:
        return ":".join(map(str, value)) if isinstance(value, (ModelEventID, tuple)) else super()._text(value)


class LuminosityBlockID(_Numbered):
    """``cms.LuminosityBlockID(run, lumi)`` or ``cms.LuminosityBlockID("run:lumi")``."""

    _type = "LuminosityBlockID"
    _pattern = r"\d+:\d+"
    _form = "run:luminosityBlock"


class _Range(_Numbered):
    """Two ends, given as text or as the numbers of both."""

    def __init__(self, *parts: Any) -> None:
        """Takes the text, or as many numbers for the begin as for the end.

        Raises:
            ConfigurationError: the text does not name a range.
        """
        half = len(parts) // 2
        ends = (":".join(map(str, parts[:half])), ":".join(map(str, parts[half:])))
        super().__init__(parts[0] if len(parts) == 1 else "-".join(ends))


class EventRange(_Range):
    """``cms.EventRange("1:2-1:9")``, with luminosity blocks, or the numbers; MIN and MAX are open."""

    _type = "EventRange"
    _pattern = r"\d+(:(\d+|MIN|MAX)){1,2}(-(\d+(:(\d+|MIN|MAX)){1,2}|MAX))?"
    _form = "'run:event-run:event' or 'run:lumi:event-run:lumi:event'"


class LuminosityBlockRange(_Range):
    """``cms.LuminosityBlockRange("1:2-1:9")`` or the numbers; MIN and MAX are open."""

    _type = "LuminosityBlockRange"
    _pattern = r"\d+(:(\d+|MIN|MAX))?(-(\d+(:(\d+|MIN|MAX))?|MAX))?"
    _form = "'run:lumi-run:lumi'"
