"""Sends a recorded load at servers and says what came of it, for the command `eventproc replay`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inference_client.client import http_connections
from inference_client.configuration import ClientConfiguration
from inference_client.recording.load import LoadReplay, LoadReport, Pace
from inference_client.recording.recording import Recording
from inference_client.servers.addresses import server_addresses
from producers.inference_errors import as_framework_errors


async def send_load(
    recording: Path, configuration: ClientConfiguration, pace: Pace, *, same_model: bool
) -> tuple[LoadReport, str]:
    """Sends every request of a recording.

    Args:
        recording: what InferenceService.recordFile named.
        configuration: the servers, and how to be let in.
        pace: when requests are sent.
        same_model: ask for the models that the recording names, else for the configuration's.

    Returns:
        What came of it, and what is missing at the recording's end; empty if nothing is.

    Raises:
        ConfigurationError: the recording cannot be read, or the servers' model does not fit it.
        ExternalFailure: a server does not answer at the start.
    """
    with as_framework_errors(), Recording(recording) as opened:
        connect = http_connections(configuration)
        transports = [connect(address) for address in server_addresses(configuration.servers, {})]
        model = "" if same_model else configuration.model_name
        try:
            return await LoadReplay(opened, transports, pace, model).run(), opened.shortfall
        finally:
            for transport in transports:
                await transport.close()


def load_figures(report: LoadReport) -> dict[str, Any]:
    """The report as JSON can hold it: an infinite difference is null."""
    figures = dataclasses.asdict(report)
    if math.isinf(report.agreement.largest):
        figures["agreement"]["largest"] = None
    return figures


def load_lines(report: LoadReport, shortfall: str) -> Iterator[str]:
    """The report in words."""
    if shortfall:
        yield f"the recording is not complete: {shortfall}"
    for recorded, asked in report.model.items():
        yield f"model {recorded}: asked {asked}"
    yield f"requests: {report.requests}, rows: {report.rows}, answered: {report.answered}"
    if report.failures:
        yield f"failed: {told_failures(report.failures)}"
    yield f"time, s: {report.span_s:.3f} (recorded {report.recorded_span_s:.3f})"
    if report.span_s and report.recorded_span_s:
        then, now = report.rows / report.recorded_span_s, report.rows / report.span_s
        yield f"rows per second: {now:.1f} (recorded {then:.1f})"
    for name in ("p50_s", "p95_s", "p99_s"):
        now_s, then_s = getattr(report.latency, name), getattr(report.recorded_latency, name)
        yield f"latency {name.removesuffix('_s')}, ms: {1000 * now_s:.1f} (recorded {1000 * then_s:.1f})"
    if report.latest_s > 0:
        yield f"latest request sent after its time, ms: {1000 * report.latest_s:.1f}"
    yield from _agreement_lines(report)


def told_failures(failures: Mapping[str, int]) -> str:
    """Kinds of errors and how often each came."""
    return ", ".join(f"{kind} {n}" for kind, n in sorted(failures.items()))


def _agreement_lines(report: LoadReport) -> Iterator[str]:
    found = report.agreement
    yield f"answers compared: {found.rows} rows, {found.equal_rows} equal to the bit"
    if found.rows:
        yield f"largest difference: {found.largest:.3g}"
    if report.not_compared:
        yield f"not compared, since no answer was recorded: {report.not_compared} requests"
