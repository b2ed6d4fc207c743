"""massReplaceInputTag: one product in the place of another, in all modules of a process."""

# ruff: noqa: N802, N803 - spelled as in FWCore.ParameterSet.MassReplace
from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from eventproc.config.identifiers import InputTag
from eventproc.config.process import Process
from eventproc.config.psets import Parameterizable, VPSet
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
    before, after = InputTag(old), InputTag(new)
    for label, module in process.modules_().items():
        for place, tag in _tags(module, label):
            was = str(tag)
            if moduleLabelOnly and tag.moduleLabel == before.moduleLabel:
                tag.moduleLabel = after.moduleLabel
            elif tag == before:
                tag.setValue(after)
            if verbose and str(tag) != was:
                sys.stdout.write(f"{place}: {was} -> {tag}\n")
    return process


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
