"""TriggerResults and PathStatus: what became of an event on the paths of a process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

import numpy as np

from eventproc.model.product import Product, column

TRIGGER_RESULTS = "TriggerResults"
"""Label of the product that tells of all paths, as in CMSSW."""

PATHS = "paths"
"""Attribute of TriggerResults: names of the paths, in the order of its rows."""


class PathState(IntEnum):
    """What became of an event on a path (DataFormats/Common/interface/HLTenums.h)."""

    Ready = 0
    Pass = 1
    Fail = 2
    Exception = 3


_STATE_BITS = 2

PackedStatus = int
"""A path's state and the position of the module that decided, as `pack` makes it."""


def pack(state: PathState, index: int) -> PackedStatus:
    """State and position in one number, as CMSSW's HLTPathStatus keeps them."""
    return index << _STATE_BITS | state


def state_of(status: PackedStatus) -> PathState:
    """The state in a packed status."""
    return PathState(status & 3)


def index_of(status: PackedStatus) -> int:
    """The position in a packed status."""
    return status >> _STATE_BITS


@dataclass(frozen=True, slots=True)
class TriggerResults(Product):
    """One row for each path of a process; the attribute ``paths`` names them."""

    state: Any = column(np.uint8, doc="0 not run, 1 passed, 2 stopped by a filter, 3 stopped by an error")
    index: Any = column(np.uint16, doc="position on the path of the module that decided, from 0")


@dataclass(frozen=True, slots=True)
class PathStatus(Product):
    """What became of an event on one path; its label is the path's name, and no file keeps it."""

    state: Any = column(np.uint8, axis=None, doc="as in TriggerResults")
    index: Any = column(np.uint16, axis=None, doc="as in TriggerResults")


@lru_cache(maxsize=4096)
def trigger_results(statuses: tuple[PackedStatus, ...]) -> TriggerResults:
    """The product for the statuses of all paths; events that fare alike share one."""
    return TriggerResults(*_columns(statuses))


@lru_cache(maxsize=4096)
def path_status(status: PackedStatus) -> PathStatus:
    """The product for the status of one path; events that fare alike share one."""
    return PathStatus(*_columns((status,)))


def _columns(statuses: tuple[PackedStatus, ...]) -> tuple[Any, Any]:
    packed = np.array(statuses, np.uint32)
    columns = (packed & 3).astype(np.uint8), (packed >> _STATE_BITS).astype(np.uint16)
    for shared in columns:
        shared.setflags(write=False)
    return columns
