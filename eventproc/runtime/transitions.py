"""Transitions: tells modules where the job, streams, runs and luminosity blocks begin and end."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eventproc.errors import as_framework_error
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import LuminosityBlockID
from eventproc.model.principal import LuminosityBlock, ReadSlot, Run, reads_nothing
from eventproc.model.product import Product
from eventproc.model.transition import BranchType
from eventproc.modules.module import Module
from eventproc.modules.output import OutputModule
from eventproc.modules.source import SourceBinding

_LUMI_HOOKS = ("begin_run", "begin_luminosity_block", "end_luminosity_block", "end_run")

ReadLevel = Callable[[BranchDescription, tuple[int, ...]], Product | None]
"""Gives the product of a run, or of a run and luminosity block, from the input."""


@dataclass(frozen=True, slots=True)
class LevelProducts:
    """How products of runs and luminosity blocks come from the input.

    Attributes:
        bindings: what the job wants.
        read: the source.
        n_slots: products a run or luminosity block can hold.
        are_wanted: whether any module makes, asks for or keeps some.
        are_made: whether any module makes some.
    """

    bindings: Sequence[SourceBinding] = ()
    read: ReadLevel | None = None
    n_slots: int = 0
    are_wanted: bool = False
    are_made: bool = False

    def reader(self, branch_type: BranchType, of: tuple[int, ...]) -> ReadSlot:
        """What a run or luminosity block reads its products with."""
        wanted = {b.slot: b for b in self.bindings if b.branch.branch_type is branch_type}
        read = self.read
        if not wanted or read is None:
            return reads_nothing

        def read_slot(slot: int) -> Product | None:
            binding = wanted.get(slot)
            product = None if binding is None else read(binding.branch, of)
            if product is None or binding is None:
                return None
            names = [c.name for c in binding.product_type.schema()]
            return binding.product_type(**{name: getattr(product, name) for name in names})

        return read_slot


class Transitions:
    """Calls the hooks that modules override, in the order given.

    Who calls `enter` sees to it that no event is under way.

    Args:
        modules: by label; those that make products of runs and luminosity blocks before those that need them.
        levels: where such products come from.

    Attributes:
        follows_lumis: whether a module cares for runs or luminosity blocks at all.
        lumi: the luminosity block that has begun and not ended.
    """

    def __init__(self, modules: Mapping[str, Module], levels: LevelProducts | None = None) -> None:
        self._modules = tuple(modules.items())
        self._levels = levels or LevelProducts()
        hooks = any(_overrides(m, hook) for m in modules.values() for hook in _LUMI_HOOKS)
        self.follows_lumis = hooks or self._levels.are_wanted
        self.lumi: LuminosityBlock | None = None

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

    def enter(self, lumi_id: LuminosityBlockID) -> None:
        """Ends the luminosity block that has begun, and its run if this is of another; begins this one."""
        before = self.lumi
        self._end_lumi()
        if before is not None and before.run == lumi_id.run:
            run = before.of_run
        else:
            self._end_run(before)
            run = self._begin_run(lumi_id.run)
        self.lumi = self._new_lumi(lumi_id, run)
        self._call("begin_luminosity_block", f"Processing begin LuminosityBlock {lumi_id}", self.lumi)

    def leave(self) -> None:
        """Ends the luminosity block and the run that have begun, if any."""
        before = self.lumi
        self._end_lumi()
        self._end_run(before)

    def pass_on(self, held: Sequence[tuple[int, ...]]) -> None:
        """Has outputs keep what the input holds, also of runs and luminosity blocks without events.

        Events counted before a selection would be lost with the luminosity blocks that it left none of.
        Where modules make such products those would be missing here, and nothing is passed on.
        """
        doing = "Passing on what the input holds of runs and luminosity blocks"
        for of in () if self._levels.are_made else held:
            run = self._new_run(of[0])
            for label, output in self._outputs():
                if len(of) == 1:
                    _do(output.write_run, (run,), label, output, doing)
                else:
                    lumi = self._new_lumi(LuminosityBlockID(of[0], of[1]), run)
                    _do(output.write_luminosity_block, (lumi,), label, output, doing)

    def _new_run(self, number: int) -> Run:
        return Run(number, self._levels.n_slots, self._levels.reader(BranchType.InRun, (number,)))

    def _new_lumi(self, lumi_id: LuminosityBlockID, run: Run) -> LuminosityBlock:
        read = self._levels.reader(BranchType.InLumi, lumi_id)
        return LuminosityBlock(lumi_id, run, self._levels.n_slots, read)

    def _begin_run(self, number: int) -> Run:
        run = self._new_run(number)
        self._call("begin_run", f"Processing begin Run run: {number}", run)
        return run

    def _end_lumi(self) -> None:
        lumi, self.lumi = self.lumi, None
        if lumi is not None:
            doing = f"Processing end LuminosityBlock {lumi}"
            self._call("end_luminosity_block", doing, lumi)
            for label, output in self._outputs():
                _do(output.write_luminosity_block, (lumi,), label, output, doing)

    def _end_run(self, lumi: LuminosityBlock | None) -> None:
        if lumi is not None:
            doing = f"Processing end Run run: {lumi.run}"
            self._call("end_run", doing, lumi.of_run)
            for label, output in self._outputs():
                _do(output.write_run, (lumi.of_run,), label, output, doing)

    def _outputs(self) -> Sequence[tuple[str, OutputModule]]:
        return [(label, module) for label, module in self._modules if isinstance(module, OutputModule)]

    def _call(self, hook: str, doing: str, *words: object) -> None:
        for label, module in self._modules:
            if _overrides(module, hook):
                _do(getattr(module, hook), words, label, module, doing)


def _do(step: Callable[..., Any], words: tuple[object, ...], label: str, module: Module, doing: str) -> None:
    try:
        step(*words)
    except Exception as error:  # noqa: BLE001 - an author's code may raise anything
        failure = as_framework_error(error)
        failure.add_context(f"Calling method for module {type(module).__name__}/'{label}'")
        failure.add_context(doing)
        raise failure from failure.__cause__


def _overrides(module: Module, hook: str) -> bool:
    return getattr(type(module), hook) is not getattr(Module, hook)
