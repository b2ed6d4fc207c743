"""Products, files and jobs that the tests of this folder share."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import uproot

from eventproc.io.reading.pool_source import PoolSource
from eventproc.io.writing.pool_output import PoolOutputModule
from eventproc.io.writing.tree_writer import TreeWriter
from eventproc.model.branch import BranchDescription
from eventproc.model.descriptions import ComponentDescription, ProcessDescription
from eventproc.model.event import EventView
from eventproc.model.event_id import EventID
from eventproc.model.input_tag import InputTag
from eventproc.model.product import Product, column
from eventproc.model.token import Token
from eventproc.modules.parameters import convert_parameters
from eventproc.modules.source import SourceBinding


@dataclass(frozen=True, slots=True)
class Tracks(Product):
    """Every kind of column there is."""

    pt: object = column(np.float32, doc="transverse momentum")
    charge: object = column(np.int8)
    finder: object = column(str, doc="algorithm")
    hitCell: object = column(np.uint16, axis="hit", unit="cell")
    hitTime: object = column(np.float64, axis="hit", unit="ns")
    vertexZ: object = column(np.float32, axis=None, unit="cm")
    fitter: object = column(str, axis=None)


@dataclass(frozen=True, slots=True)
class Numbers(Product):
    """One column."""

    value: object = column(np.int32)


def tracks(n):
    """Tracks of event n: n % 4 rows, n % 3 hits."""
    rows, hits = n % 4, n % 3
    return Tracks(
        np.arange(rows, dtype=np.float32) + n,
        np.full(rows, -1, np.int8),
        tuple(f"finder{(n + row) % 5}" for row in range(rows)),
        np.arange(hits, dtype=np.uint16),
        np.full(hits, n / 8),
        np.array([n], np.float32),
        (f"fitter{n % 2}",),
    )


def numbers(n):
    """n % 3 numbers of event n."""
    return Numbers(np.arange(n % 3, dtype=np.int32) * n)


def branch(product_type, label, instance="", process="GEN", attributes="{}"):
    return BranchDescription(product_type.name(), label, instance, process, product_type.schema(), attributes)


TRACKS = branch(Tracks, "tracks", attributes='{"field": 3.8}')
NUMBERS = branch(Numbers, "numbers", "odd")
ZSTD_1 = uproot.ZSTD(1)


def event_id(n):
    return EventID(1 + n // 1000, 1 + n // 100, 10_000_000_000 + n)


def write_file(
    path,
    n_events,
    first=0,
    branches=(TRACKS, NUMBERS),
    complete=True,
    process="GEN",
    codec=ZSTD_1,
    lacking=(),
):
    """A file of our own with events first, first + 1, ...; those lacking have no tracks."""
    make = {"Tracks": tracks, "Numbers": numbers}
    writer = TreeWriter(path.open("x+b"), branches, [{"name": process}], codec)
    for n in range(first, first + n_events):
        writer.add(event_id(n), tuple(_made(make, b, n, lacking) for b in branches))
    writer.finish(complete=complete)
    return path


def _made(make, branch, n, lacking):
    return None if n in lacking and branch.type_name == "Tracks" else make[branch.type_name](n)


def same(first, second):
    """Whether two products are equal, columns compared exactly and NaN equal to NaN."""
    for c in first.schema():
        a, b = getattr(first, c.name), getattr(second, c.name)
        equal = a == b if c.dtype == "str" else a.dtype == b.dtype and np.array_equal(a, b)
        if not equal:
            return False
    return first.name() == second.name()


def make_source(*files, process="TEST", **parameters):
    values = {"fileNames": [str(file) for file in files], **parameters}
    return PoolSource(convert_parameters(PoolSource.Params, values, "source"), process)


def make_output(path, **parameters):
    values = {"fileName": str(path), **parameters}
    params = convert_parameters(PoolOutputModule.Params, values, "output")
    return PoolOutputModule(params, SimpleNamespace(label="out"))


def process(name="TEST"):
    return ProcessDescription(name, ComponentDescription("Source", "PoolSource", "source", {"x": 1}))


def token(product_type, label, slot):
    found = Token(product_type, InputTag(label))
    found.slot = slot
    return found


def view(n, *products):
    """An event that holds products in slots 0, 1, ...; None for one that is missing."""
    return EventView(event_id(n), n, 0, len(products), lambda slot: products[slot])


def bind_all(source, *types):
    """Binds all branches in order, to the given classes."""
    branches = source.branches()
    source.bind([SourceBinding(b, t, slot) for slot, (b, t) in enumerate(zip(branches, types, strict=True))])


async def read_all(source):
    """Ids and products of slot 0 and 1 of all events."""
    events = []
    while (event := await source.next_event()) is not None:
        events.append((event.id, event.read(0), event.read(1)))
    return events
