"""massReplaceInputTag: one product in the place of another, in all modules of a process."""

# ruff: noqa: N802, N803 - spelled as in FWCore.ParameterSet.MassReplace
from __future__ import annotations

from typing import Any

from eventproc.config.identifiers import InputTag
from eventproc.config.parameters import Parameter
from eventproc.config.process import Process
from eventproc.config.psets import Parameterizable, VPSet
from eventproc.config.vectors import VInputTag


def massReplaceInputTag(
    process: Process, old: InputTag | str, new: InputTag | str, *, moduleLabelOnly: bool = False
) -> Process:
    """Replaces an InputTag wherever a module holds it, in PSets and lists too.

    Plain text is left alone: it may mean something else than a product.

    Args:
        process: the process to change.
        old: the tag to look for.
        new: what to put there.
        moduleLabelOnly: compare and replace the module label only, keeping instance and process.

    Returns:
        The process.
    """
    before, after = InputTag(old), InputTag(new)
    for module in process.modules_().values():
        _replace(module, before, after, moduleLabelOnly)
    return process


def _replace(thing: Any, old: InputTag, new: InputTag, label_only: bool) -> None:
    if isinstance(thing, Parameterizable):
        values = [value for _, value in thing._items() if isinstance(value, Parameter)]
    else:
        values = list(thing)
    for value in values:
        if isinstance(value, InputTag):
            _replace_tag(value, old, new, label_only)
        elif isinstance(value, (Parameterizable, VPSet, VInputTag)):
            _replace(value, old, new, label_only)


def _replace_tag(tag: InputTag, old: InputTag, new: InputTag, label_only: bool) -> None:
    if label_only and tag.moduleLabel == old.moduleLabel:
        tag.moduleLabel = new.moduleLabel
    elif tag == old:
        tag.setValue(new)
