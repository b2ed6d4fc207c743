"""Transitions: tells modules where the job, streams, runs and luminosity blocks begin and end."""

from __future__ import annotations

from collections.abc import Mapping

from eventproc.errors import as_framework_error
from eventproc.model.event_id import LuminosityBlockID
from eventproc.modules.module import Module

_LUMI_HOOKS = ("begin_run", "begin_luminosity_block", "end_luminosity_block", "end_run")


class Transitions:
    """Calls the hooks that modules override, in the order of the modules.

    Who calls `enter` sees to it that no event is under way.

    Attributes:
        follows_lumis: whether a module cares for runs or luminosity blocks at all.
        lumi: the luminosity block that has begun and not ended.
    """

    def __init__(self, modules: Mapping[str, Module]) -> None:
        self._modules = tuple(modules.items())
        self.follows_lumis = any(_overrides(m, hook) for m in modules.values() for hook in _LUMI_HOOKS)
        self.lumi: LuminosityBlockID | None = None

    def begin_job(self) -> None:
        """Before everything else.

        Raises:
            EventProcError: a module failed, in its context; so do all methods here.
        """
        self._call("begin_job", "Calling beginJob")

    def end_job(self) -> None:
        """After everything else."""
        self._call("end_job", "Calling endJob")

    def begin_stream(self, stream: int) -> None:
        """Before the first event."""
        self._call("begin_stream", f"Processing begin Stream {stream}", stream)

    def end_stream(self, stream: int) -> None:
        """After the last event."""
        self._call("end_stream", f"Processing end Stream {stream}", stream)

    def enter(self, lumi: LuminosityBlockID) -> None:
        """Ends the luminosity block that has begun, and its run if this is of another; begins this one."""
        before = self.lumi
        self._end_lumi()
        if before is None or before.run != lumi.run:
            self._end_run(before)
            self._call("begin_run", f"Processing begin Run run: {lumi.run}", lumi.run)
        self.lumi = lumi
        self._call("begin_luminosity_block", f"Processing begin LuminosityBlock {lumi}", lumi)

    def leave(self) -> None:
        """Ends the luminosity block and the run that have begun, if any."""
        before = self.lumi
        self._end_lumi()
        self._end_run(before)

    def _end_lumi(self) -> None:
        lumi, self.lumi = self.lumi, None
        if lumi is not None:
            self._call("end_luminosity_block", f"Processing end LuminosityBlock {lumi}", lumi)

    def _end_run(self, lumi: LuminosityBlockID | None) -> None:
        if lumi is not None:
            self._call("end_run", f"Processing end Run run: {lumi.run}", lumi.run)

    def _call(self, hook: str, doing: str, *words: object) -> None:
        for label, module in self._modules:
            if _overrides(module, hook):
                try:
                    getattr(module, hook)(*words)
                except Exception as error:  # noqa: BLE001 - an author's code may raise anything
                    failure = as_framework_error(error)
                    failure.add_context(f"Calling method for module {type(module).__name__}/'{label}'")
                    failure.add_context(doing)
                    raise failure from failure.__cause__


def _overrides(module: Module, hook: str) -> bool:
    return getattr(type(module), hook) is not getattr(Module, hook)
