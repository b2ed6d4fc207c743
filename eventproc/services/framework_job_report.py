"""FrameworkJobReport.xml: a job report in the form that CMS tools read (FWCore/MessageLogger JobReport)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any
from xml.etree import ElementTree as ET

from eventproc.errors import UnexpectedTermination
from eventproc.model.file_records import InputFileRecord, OutputFileRecord
from eventproc.services.job_report import ErrorRecord, JobReport
from eventproc.services.plain_values import leaves, plain_value, printable

# CMSSW's names of the summaries that its services of the same purpose write.
_SUMMARY_NAMES = {"MemoryCheck": "ApplicationMemory"}

# A service's report may hold times by module under this name; they become PerformanceModule elements.
_MODULES = "modules"


def render_framework_job_report(report: JobReport) -> bytes:
    """The report as an XML document in UTF-8."""
    root = ET.Element("FrameworkJobReport")
    _add_process(root, report)
    for input_file in report.inputs:
        _add_input(root, input_file)
    for output_file in report.outputs:
        _add_output(root, output_file, [record for record in report.inputs if not record.why_skipped])
    for event in report.skipped_events:
        ET.SubElement(root, "SkippedEvent", Run=str(event.id.run), Event=str(event.id.event))
    if report.signal_name:
        ET.SubElement(root, "ShutdownSignal")
    for error in report.stated_errors():
        _add_error(root, error)
    _add_message_summary(root, report.services.get("MessageLogger", {}))
    _add_performance(root, report)
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _add_text(parent: ET.Element, tag: str, text: object) -> None:
    ET.SubElement(parent, tag).text = printable(str(text))


def _add_process(root: ET.Element, report: JobReport) -> None:
    process = ET.SubElement(root, "Process")
    _add_text(process, "Name", report.process)
    _add_text(process, "ParameterSetID", report.configuration_id)


def _add_file_head(root: ET.Element, tag: str, state: str, pfn: str, label: str) -> ET.Element:
    element = ET.SubElement(root, tag)
    ET.SubElement(element, "State", Value=state)
    for name, text in {"LFN": "", "PFN": pfn, "Catalog": "", "ModuleLabel": label, "GUID": ""}.items():
        _add_text(element, name, text)
    return element


def _add_input(root: ET.Element, record: InputFileRecord) -> None:
    if record.why_skipped:
        skipped = ET.SubElement(root, "SkippedFile", Pfn=printable(record.pfn), Lfn="")
        skipped.text = printable(record.why_skipped)
        return
    element = _add_file_head(root, "InputFile", "closed", record.pfn, "source")
    ET.SubElement(element, "Branches")
    _add_text(element, "InputType", "primaryFiles")
    _add_text(element, "InputSourceClass", record.source_class)
    _add_text(element, "EventsRead", record.events_read)
    if record.duplicates:
        _add_text(element, "DuplicateEvents", record.duplicates)
    _add_runs(element, ((run, lumi, {}) for run, lumi in record.runs_and_lumis))


def _add_output(root: ET.Element, record: OutputFileRecord, inputs: Iterable[InputFileRecord]) -> None:
    state = "closed" if record.complete else "open"
    element = _add_file_head(root, "File", state, record.pfn, record.label)
    branches = ET.SubElement(element, "Branches")
    for branch in record.branches:
        _add_text(branches, "Branch", branch)
    _add_text(element, "OutputModuleClass", record.module_class)
    _add_text(element, "TotalEvents", record.events)
    _add_text(element, "DataType", "")
    _add_text(element, "BranchHash", "")
    _add_text(element, "Size", record.size_bytes)
    for checksum in (record.checksum or {}).items():
        ET.SubElement(element, "Checksum", Algorithm=checksum[0]).text = printable(checksum[1])
    _add_runs(element, ((run, lumi, {"NEvents": str(n)}) for run, lumi, n in record.runs_and_lumis))
    inputs_element = ET.SubElement(element, "Inputs")
    for input_record in inputs:
        one = ET.SubElement(inputs_element, "Input")
        for name, text in {"LFN": "", "PFN": input_record.pfn, "FastCopying": "0"}.items():
            _add_text(one, name, text)


def _add_runs(element: ET.Element, lumis: Iterable[tuple[int, int, dict[str, str]]]) -> None:
    runs = ET.SubElement(element, "Runs")
    for run, of_run in groupby(sorted(lumis, key=itemgetter(0, 1)), key=itemgetter(0)):
        run_element = ET.SubElement(runs, "Run", ID=str(run))
        for _, lumi, more in of_run:
            ET.SubElement(run_element, "LumiSection", {"ID": str(lumi), **more})


def _add_error(root: ET.Element, error: ErrorRecord) -> None:
    if error.exit_code == UnexpectedTermination.exit_code:
        kind, text = error.category, error.message
    else:
        kind, text = "Fatal Exception", error.explanation()
    element = ET.SubElement(root, "FrameworkError", ExitStatus=str(error.exit_code), Type=kind)
    element.text = printable(text)


def _add_message_summary(root: ET.Element, log: Mapping[str, Any]) -> None:
    counts = plain_value(log).get("categories", {})
    if counts:
        summary = ET.SubElement(root, "MessageSummary")
        for category, count in counts.items():
            ET.SubElement(summary, _element_name(category), Value=str(count))


def _element_name(category: str) -> str:
    # CMSSW names the element after the category; what an XML name may not hold becomes "_".
    return re.sub(r"[^\w.-]|^(?=[\d.-]|$)", "_", category, flags=re.ASCII)


def _add_performance(root: ET.Element, report: JobReport) -> None:
    element = ET.SubElement(root, "PerformanceReport")
    summaries = _summaries(report)
    for name, values in summaries.items():
        _add_summary(element, name, {n: v for n, v in values.items() if n != _MODULES})
    for name, values in summaries.items():
        _add_modules(element, name, values.get(_MODULES, {}))


def _summaries(report: JobReport) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        "Timing": plain_value(report.timing),
        "ApplicationMemory": plain_value(report.memory),
    }
    for service, values in report.services.items():
        if service != "MessageLogger":
            name = printable(_SUMMARY_NAMES.get(service, service))
            found[name] = found.get(name, {}) | plain_value(values)
    return found


def _add_summary(element: ET.Element, name: str, values: Mapping[str, Any]) -> None:
    metrics = leaves(values)
    if metrics:
        summary = ET.SubElement(element, "PerformanceSummary", Metric=name)
        _add_metrics(summary, metrics)


def _add_modules(element: ET.Element, name: str, modules: Any) -> None:
    for label, values in modules.items() if isinstance(modules, Mapping) else ():
        if isinstance(values, Mapping):
            module = ET.SubElement(element, "PerformanceModule", Metric=name, Module=label)
            _add_metrics(module, leaves(values))


def _add_metrics(element: ET.Element, metrics: Mapping[str, str]) -> None:
    for metric, text in metrics.items():
        ET.SubElement(element, "Metric", Name=metric, Value=text)
