"""How well streams hide the latency of a distant server.

The flagship chain runs over the sample with one stream and with 64, against a server that answers 60 ms
after a request, whatever is in flight, with the real scores of the small model. The limit is the CPU: with
enough streams the wait costs nothing, and events come as fast as crystals, jets and images can be made.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

from eventproc.cli.run import run_description
from eventproc.config.freeze import freeze
from eventproc.config.loader import load_process
from eventproc.model.descriptions import ProcessDescription
from eventproc.services.job_report import JobReport
from figures import Figure, print_figures
from inference_client.local_server import LocalServer

ROOT = Path(__file__).resolve().parent.parent
JOB = ROOT / "python_configs" / "top_tagging_cfg.py"
MODEL = "toptag_small"
LATENCY_S = 0.060
MANY_STREAMS = 64
DEVICE = {
    "backend": "emulated",
    "backend_parameters.inner": "openvino",
    "backend_parameters.service_time_s": LATENCY_S,
    "backend_parameters.pipeline_depth": MANY_STREAMS,
}


def describe(server: str, folder: Path, streams: int, events: int) -> ProcessDescription:
    words = [f"servers={server}", f"maxEvents={events}", f"model={MODEL}"]
    words += [f"outputFile={folder / f'{streams}.root'}", "overwrite=True", f"numberOfStreams={streams}"]
    return freeze(load_process(JOB, words))


def events_per_second(description: ProcessDescription) -> float:
    report = JobReport()
    run_description(description, report)
    if report.errors:
        raise SystemExit(f"the job failed: {report.errors[0].message}")
    return float(report.services["Timing"]["EventThroughput"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with fewer events")
    quick = parser.parse_args().quick
    rounds, events_of = (2, {1: 60, MANY_STREAMS: 300}) if quick else (5, {1: 150, MANY_STREAMS: 500})
    options = [word for key, value in DEVICE.items() for word in ("--set", f"{MODEL}.{key}={value}")]
    rates: dict[int, list[float]] = {1: [], MANY_STREAMS: []}
    with tempfile.TemporaryDirectory() as name, LocalServer(str(ROOT / "data" / "models"), options) as server:
        for _ in range(rounds):
            for streams, events in events_of.items():
                job = describe(server.address, Path(name), streams, events)
                rates[streams].append(events_per_second(job))
    for streams, measured in rates.items():
        print(f"{streams} streams: {', '.join(f'{rate:.1f}' for rate in measured)} events/s")
    one, many = (statistics.median(rates[streams]) for streams in (1, MANY_STREAMS))
    print_figures(Figure("latency_hiding_64_streams_over_1", many / one, 20))


if __name__ == "__main__":
    main()
