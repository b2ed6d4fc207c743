"""One product or value in the place of another, in all modules of a process or sequence."""

# ruff: noqa: N802, N803 - spelled as in FWCore.ParameterSet.MassReplace
from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from eventproc.config.components import Module
from eventproc.config.identifiers import InputTag
from eventproc.config.process import Process
from eventproc.config.psets import Parameterizable, VPSet
from eventproc.config.sequences import Ordered, associated_tasks, walk
from eventproc.config.tasks import task_members
from eventproc.config.vectors import VInputTag


def massReplaceInputTag(
    process: Process,
    old: InputTag | str,
    new: InputTag | str,
    verbose: bool = False,
    moduleLabelOnly: bool = False,
    skipLabelTest: bool = False,  # noqa: ARG001 - every module here has its label
) -> Process:
    """Replaces an InputTag wherever a module holds it, in PSets and lists too.

    Plain text is left alone: it may mean something else than a product.

    Args:
        process: the process to change.
        old: the tag to look for.
        new: what to put there.
        verbose: print each replacement.
        moduleLabelOnly: compare and replace the module label only, keeping instance and process.
        skipLabelTest: accepted for CMSSW's files.

    Returns:
        The process.
    """
    for label, module in process.modules_().items():
        _replace_tags(module, label, (InputTag(old), InputTag(new)), verbose, moduleLabelOnly)
    return process


def massSearchReplaceAnyInputTag(
    sequence: Ordered,
    oldInputTag: InputTag | str,
    newInputTag: InputTag | str,
    verbose: bool = False,
    moduleLabelOnly: bool = False,
    skipLabelTest: bool = False,  # noqa: ARG001 - every module here has its label
) -> None:
    """As `massReplaceInputTag`, in the modules of a sequence or path and of its tasks."""
    for module in _modules(sequence):
        tags = InputTag(oldInputTag), InputTag(newInputTag)
        _replace_tags(module, module.label_(), tags, verbose, moduleLabelOnly)


def massReplaceParameter(
    process: Process, paramName: str, paramOldValue: Any, paramValue: Any, verbose: bool = False
) -> Process:
    """Replaces the value of a parameter of one name in all modules, where it has the old value.

    Returns:
        The process.
    """
    for module in process.modules_().values():
        _replace_value(module, paramName, paramOldValue, paramValue, verbose)
    return process


def massSearchReplaceParam(
    sequence: Ordered, paramName: str, paramOldValue: Any, paramValue: Any, verbose: bool = False
) -> None:
    """As `massReplaceParameter`, in the modules of a sequence or path and of its tasks."""
    for module in _modules(sequence):
        _replace_value(module, paramName, paramOldValue, paramValue, verbose)


def _modules(sequence: Ordered) -> list[Module]:
    on_tasks = [
        member for task in associated_tasks(sequence, _itself) for member in task_members(task, _itself)
    ]
    held = [*(step.module for step in walk(sequence, _itself)), *on_tasks]
    return [module for module in dict.fromkeys(held) if isinstance(module, Module)]


def _itself(thing: Any) -> Any:
    return thing


def _replace_tags(
    module: Module, label: str, tags: tuple[InputTag, InputTag], verbose: bool, label_only: bool
) -> None:
    before, after = tags
    for place, tag in _tags(module, label):
        was = str(tag)
        if label_only and tag.moduleLabel == before.moduleLabel:
            tag.moduleLabel = after.moduleLabel
        elif tag == before:
            tag.setValue(after)
        if verbose and str(tag) != was:
            sys.stdout.write(f"{place}: {was} -> {tag}\n")


def _replace_value(module: Module, name: str, old: Any, new: Any, verbose: bool) -> None:
    found = module.getParameter(name)
    if found is not None and found == old:
        module._modify({name: new})
        if verbose:
            sys.stdout.write(f"{module.label_()}.{name} = {new}\n")


def _tags(thing: Any, place: str) -> Iterator[tuple[str, InputTag]]:
    """All input tags in a module, PSet or list, with their places."""
    if isinstance(thing, InputTag):
        yield place, thing
    elif isinstance(thing, Parameterizable):
        for name, value in thing._items():
            yield from _tags(value, f"{place}.{name}")
    elif isinstance(thing, (VPSet, VInputTag)):
        for index, value in enumerate(thing):
            yield from _tags(value, f"{place}[{index}]")
