"""What a job copies from input to output is what was there, whichever events and columns it touches."""

import asyncio
import json
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
import uproot

from eventproc.errors import ProductNotFound
from eventproc.io.format.file_metadata import METADATA_KEY
from eventproc.io.reading.opened_file import open_native
from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)
from eventproc.model.product import Product, column
from eventproc.modules import EDAnalyzer, EDFilter, EDProducer, ParameterDescription
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from tests.eventproc.io.tracks import NUMBERS, TRACKS, Numbers, Tracks, event_id, numbers, tracks, write_file


class Double(EDProducer):
    """Makes Numbers twice as large as those of the input."""

    def __init__(self, params, declare):
        self.input = declare.consumes(Numbers, "numbers:odd")
        self.output = declare.produces(Numbers)

    def produce(self, event):
        event.put(self.output, Numbers(event.get(self.input).value * np.int32(2)))


class EveryNth(EDFilter):
    class Params(ParameterDescription):
        n: int = 2

    def __init__(self, params, declare):
        self.n = params.n

    def filter(self, event):
        return event.id.event % self.n == 0


def described(files, folder, n, streams):
    outputs = {"all": {}, "some": {"SelectEvents": {"SelectEvents": ["p"]}}}
    here = f"{__name__}:"
    modules = (
        ComponentDescription("EDProducer", f"{here}Double", "double"),
        ComponentDescription("EDFilter", f"{here}EveryNth", "nth", {"n": n}),
        *(
            ComponentDescription(
                "OutputModule", "PoolOutputModule", name, {"fileName": str(folder / f"{name}.root"), **more}
            )
            for name, more in outputs.items()
        ),
    )
    return ProcessDescription(
        "COPY",
        ComponentDescription("Source", "PoolSource", "source", {"fileNames": list(map(str, files))}),
        modules,
        (
            PathDescription("p", "Path", (PathStep("nth"), PathStep("double"))),
            PathDescription("e", "EndPath", (PathStep("all"), PathStep("some"))),
        ),
        options=ProcessOptions(numberOfStreams=streams),
    )


def run(description):
    report = JobReport()
    asyncio.run(EventProcessor(build(description), report).run())
    assert not report.errors, report.errors
    return report


def events_of(path):
    with uproot.open(path) as file:
        return file["Events"].arrays(), json.loads(file[METADATA_KEY])


@pytest.mark.parametrize(("n", "streams"), [(1, 1), (2, 3), (400, 1)])
def test_copied_events_are_those_of_the_input_beside_what_modules_made(tmp_path, n, streams):
    sizes = (1100, 0, 400)
    starts = np.cumsum([0, *sizes])
    files = [
        write_file(tmp_path / f"{i}.in", size, first=int(first))
        for i, (size, first) in enumerate(zip(sizes, starts, strict=False))
    ]
    run(described(files, tmp_path, n, streams))
    expected = {"all": range(sum(sizes)), "some": range(0, sum(sizes), n)}
    for name, which in expected.items():
        events, metadata = events_of(tmp_path / f"{name}.root")
        words = metadata["dictionaries"]["tracks_finder"]
        assert events["event"].tolist() == [event_id(k).event for k in which]
        assert events["numbers_odd_value"].tolist() == [numbers(k).value.tolist() for k in which]
        assert events["tracks_hitTime"].tolist() == [tracks(k).hitTime.tolist() for k in which]
        assert [[words[c] for c in row] for row in events["tracks_finder"].tolist()] == [
            list(tracks(k).finder) for k in which
        ]
        doubled = [(2 * numbers(k).value).tolist() if k % n == 0 else [] for k in which]
        assert events["double_value"].tolist() == doubled


@dataclass(frozen=True, slots=True)
class FewerColumns(Product):
    """What Tracks were before they had all their columns."""

    type_name = "Tracks"

    pt: object = column(np.float32)


class LooksAtFewerColumns(EDProducer):
    def __init__(self, params, declare):
        self.input = declare.consumes(FewerColumns, "tracks")

    def produce(self, event):
        assert event.get(self.input).pt.dtype == np.float32


@pytest.mark.parametrize("n", [1, 400])
def test_columns_that_the_class_of_a_module_does_not_name_are_copied_too(tmp_path, n):
    source = write_file(tmp_path / "in.root", 1100)
    description = described([source], tmp_path, n, 1)
    looks = ComponentDescription("EDProducer", f"{__name__}:LooksAtFewerColumns", "looks")
    path = PathDescription("q", "Path", (PathStep("looks"),))
    run(replace(description, modules=(*description.modules, looks), paths=(path, *description.paths)))
    events, _ = events_of(tmp_path / "some.root")
    which = range(0, 1100, n)
    assert events["tracks_pt"].tolist() == [tracks(k).pt.tolist() for k in which]
    assert events["tracks_hitCell"].tolist() == [tracks(k).hitCell.tolist() for k in which]


def test_digests_of_copied_columns_are_those_of_the_input(tmp_path):
    source = write_file(tmp_path / "in.root", 2500)
    run(described([source], tmp_path, 1, 1))
    before, after = (events_of(path)[1]["completion"]["crc32"] for path in (source, tmp_path / "all.root"))
    assert before.items() <= after.items()


class Present(EDAnalyzer):
    """Notes which events have the tracks."""

    noted = {}

    def __init__(self, params, declare):
        self.tracks = declare.consumes(Tracks, "tracks")

    def analyze(self, event):
        self.noted[event.id] = event.has(self.tracks)


class WantsTracks(EDAnalyzer):
    def __init__(self, params, declare):
        self.tracks = declare.consumes(Tracks, "tracks")

    def analyze(self, event):
        event.get(self.tracks)


def with_module(description, name):
    module = ComponentDescription("EDAnalyzer", f"{__name__}:{name}", "looks")
    path = PathDescription("q", "Path", (PathStep("looks"),))
    return replace(description, modules=(*description.modules, module), paths=(path, *description.paths))


@pytest.mark.parametrize(("n", "streams"), [(1, 1), (2, 3), (400, 1)])
def test_what_is_missing_stays_missing_through_two_generations(tmp_path, n, streams):
    lacking = {*range(0, 1100, 7), 1450}
    files = [
        write_file(tmp_path / "first.in", 1100, lacking=lacking),
        write_file(tmp_path / "second.in", 300, first=1100),
        write_file(tmp_path / "third.in", 100, first=1400, lacking=lacking),
    ]
    run(described(files, tmp_path, n, streams))
    second = tmp_path / "second"
    second.mkdir()
    again = described([tmp_path / "some.root"], second, 1, streams)
    Present.noted.clear()
    run(with_module(replace(again, name="AGAIN"), "Present"))
    which = range(0, 1500, n)
    assert Present.noted == {event_id(k): k not in lacking for k in which}
    for folder in (tmp_path, second):
        with open_native(str(folder / "some.root")) as file:
            present = file.presence(TRACKS, 0, file.n_entries)
            assert present.tolist() == [k not in lacking for k in which]
            assert file.presence(NUMBERS, 0, file.n_entries) is None


def test_what_a_stopped_path_did_not_make_is_missing_for_the_next_job(tmp_path):
    source = write_file(tmp_path / "in.root", 10)
    run(described([source], tmp_path, 2, 1))
    with open_native(str(tmp_path / "all.root")) as file:
        doubled = next(branch for branch in file.branches if branch.label == "double")
        assert file.presence(doubled, 0, 10).tolist() == [k % 2 == 0 for k in range(10)]


def test_who_asks_for_what_is_missing_from_the_file_is_told_as_within_one_job(tmp_path):
    source = write_file(tmp_path / "in.root", 10, lacking={4})
    report = JobReport()
    job = build(with_module(described([source], tmp_path, 1, 1), "WantsTracks"))
    asyncio.run(EventProcessor(job, report).run())
    (error,) = report.causes
    assert isinstance(error, ProductNotFound)
    assert re.search(r"event: 10000000004: no product Tracks named 'tracks': .* did not put it", str(error))
