from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventproc.errors import CaughtSignal, FileOpenError
from eventproc.model.event_id import EventID
from eventproc.model.file_records import InputFileRecord, OutputFileRecord
from eventproc.services.framework_job_report import render_framework_job_report
from eventproc.services.job_report import JobReport, SkippedEvent


def parsed(report: JobReport) -> ET.Element:
    return ET.fromstring(render_framework_job_report(report))


def finished(**values: Any) -> JobReport:
    report = JobReport(**values)
    report.finish()
    return report


def metrics(root: ET.Element, path: str) -> Mapping[str, str]:
    return {m.attrib["Name"]: m.attrib["Value"] for m in root.findall(f"{path}/Metric")}


def test_an_input_file_lists_its_events_runs_and_lumis() -> None:
    record = InputFileRecord("a.root", 30, ((2, 1), (1, 7), (1, 5)))
    element = parsed(finished(inputs=[record])).find("InputFile")
    assert element is not None
    assert (element.findtext("PFN"), element.findtext("EventsRead")) == ("a.root", "30")
    assert element.findtext("InputSourceClass") == "PoolSource"
    assert element.findtext("InputType") == "primaryFiles"
    runs = {run.get("ID"): [lumi.get("ID") for lumi in run] for run in element.iter("Run")}
    assert runs == {"1": ["5", "7"], "2": ["1"]}


def test_an_output_file_lists_its_events_branches_and_inputs() -> None:
    record = OutputFileRecord(
        "o.root", "out", "PoolOutputModule", 5, True, 99, {"adler32": "1a2b"}, ("x", "y"), ((1, 2, 5),)
    )
    element = parsed(finished(inputs=[InputFileRecord("a.root", 5)], outputs=[record])).find("File")
    assert element is not None
    texts = {
        name: element.findtext(name) for name in ("PFN", "ModuleLabel", "TotalEvents", "Size", "Checksum")
    }
    assert texts == {
        "PFN": "o.root",
        "ModuleLabel": "out",
        "TotalEvents": "5",
        "Size": "99",
        "Checksum": "1a2b",
    }
    assert [branch.text for branch in element.iter("Branch")] == ["x", "y"]
    assert [lumi.attrib for lumi in element.iter("LumiSection")] == [{"ID": "2", "NEvents": "5"}]
    assert [pfn.text for pfn in element.findall("Inputs/Input/PFN")] == ["a.root"]


@pytest.mark.parametrize(("complete", "state"), [(True, "closed"), (False, "open")])
def test_an_output_is_closed_only_when_complete(complete: bool, state: str) -> None:
    record = OutputFileRecord("o.root", "out", "PoolOutputModule", 5, complete)
    assert [e.get("Value") for e in parsed(finished(outputs=[record])).findall("File/State")] == [state]


def test_success_has_no_framework_error() -> None:
    assert parsed(finished()).find("FrameworkError") is None


def test_a_job_that_has_not_ended_says_so_with_its_code_and_type() -> None:
    element = parsed(JobReport()).find("FrameworkError")
    assert element is not None
    assert element.attrib == {"ExitStatus": "8901", "Type": "UnexpectedJobTermination"}


def test_an_error_is_given_with_its_code_and_context() -> None:
    error = FileOpenError("no <a> & b.root")
    error.add_context("Opening the source")
    report = JobReport()
    report.add_error(error)
    element = parsed(report).find("FrameworkError")
    assert element is not None
    assert element.attrib == {"ExitStatus": "8020", "Type": "Fatal Exception"}
    assert element.text is not None
    assert element.text.splitlines() == [
        "An exception of category 'FileOpenError' occurred while",
        "   [0] Opening the source",
        "Exception Message:",
        "no <a> & b.root",
    ]


def test_a_signal_and_skipped_events_have_their_elements() -> None:
    report = JobReport(skipped_events=[SkippedEvent(EventID(1, 2, 7), "EventCorruption")])
    report.add_error(CaughtSignal("stopped", 15))
    root = parsed(report)
    assert root.find("ShutdownSignal") is not None
    assert [event.attrib for event in root.findall("SkippedEvent")] == [{"Run": "1", "Event": "7"}]


def test_services_reports_become_performance_summaries() -> None:
    services = {
        "Timing": {"AvgEventTime": 0.5, "modules": {"jets": {"AvgTime": 0.25}}},
        "MemoryCheck": {"GrowthRss": 1.5},
        "InferenceService": {"latency": {"p50_ms": 3}, "servers": ["a", "b"], "odd": float("nan")},
    }
    root = parsed(finished(services=services))
    summary = "PerformanceReport/PerformanceSummary[@Metric='{}']".format
    timing = metrics(root, summary("Timing"))
    assert timing["AvgEventTime"] == "0.5"
    assert "TotalJobTime" in timing
    assert metrics(root, summary("ApplicationMemory"))["GrowthRss"] == "1.5"
    assert metrics(root, summary("InferenceService")) == {"latency.p50_ms": "3"}
    assert metrics(root, "PerformanceReport/PerformanceModule[@Module='jets']") == {"AvgTime": "0.25"}


def test_message_counts_stand_under_the_names_of_their_categories() -> None:
    services = {"MessageLogger": {"categories": {"PoolSource": 3, "1 odd/name": 1}}}
    summary = parsed(finished(services=services)).find("MessageSummary")
    assert summary is not None
    assert {element.tag: element.get("Value") for element in summary} == {
        "PoolSource": "3",
        "_1_odd_name": "1",
    }


@given(text=st.text(st.characters()) | st.text(st.characters(categories=["Cc", "Cs"])))
def test_no_text_breaks_the_document(text: str) -> None:
    report = JobReport(
        process=text,
        inputs=[InputFileRecord(text, 1)],
        services={text: {text: text}, "Timing": {"modules": {text: {text: 1}}}},
    )
    report.add_error(FileOpenError(text))
    report.services["MessageLogger"] = {"categories": {text: 1}}
    assert parsed(report).tag == "FrameworkJobReport"


def test_a_file_that_was_left_out_is_a_skipped_file_with_the_reason() -> None:
    records = [InputFileRecord("a.root", 5), InputFileRecord("b.root", 0, why_skipped="it is empty")]
    root = parsed(finished(inputs=records))
    assert [element.findtext("PFN") for element in root.iter("InputFile")] == ["a.root"]
    skipped = root.find("SkippedFile")
    assert skipped is not None
    assert (skipped.attrib, skipped.text) == ({"Pfn": "b.root", "Lfn": ""}, "it is empty")


def test_an_input_file_tells_how_many_of_its_events_came_before() -> None:
    element = parsed(finished(inputs=[InputFileRecord("a.root", 5, duplicates=2)])).find("InputFile")
    assert element is not None
    assert element.findtext("DuplicateEvents") == "2"
