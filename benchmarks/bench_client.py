"""What framework and client cost an event, what a distant server costs, and what an image weighs on the wire.

The flagship job and the same written by hand (by_hand.py) run in turns over the sample, in processes of
their own, against one server. Both write the same branches; of the job's record of calls nothing is written.
Compared is the CPU time from the first event to the closed file, since the server shares the cores.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import awkward as ak
import uproot

from figures import Figure, print_figures
from inference_client.local_server import LocalServer
from inference_client.protocol.arrays import sparse_tensor
from inference_client.protocol.codec import encode_request
from inference_client.protocol.messages import InferenceRequest
from producers.algorithms.ecal_geometry import crystal_positions, transverse_energy
from producers.algorithms.image_specification import ImageSpecification
from producers.algorithms.jet_clustering import cluster_jets
from producers.algorithms.jet_image import draw_jet_images
from producers.algorithms.rechit_selection import RecHitSelection, Severity

ROOT = Path(__file__).resolve().parent.parent
JOB = ROOT / "python_configs" / "top_tagging_cfg.py"
SAMPLE = ROOT / "data" / "top_qcd.root"
EVENTPROC = Path(sys.executable).with_name("eventproc")
BY_HAND = Path(__file__).with_name("by_hand.py")
MODEL = "toptag_small"
MANY_STREAMS = 128
COPIES = 16
"""Of the sample, one behind another: the first and the last answers of the distant server are waited for with
nothing else to do, 0.07 s in all, and must not count."""
CHANGES = """
process.source.duplicateCheckMode = cms.untracked.string("noDuplicateCheck")
process.out.outputCommands.append("drop *_topTags_inference_*")
"""


def emulated(service_time_s: float) -> list[str]:
    """A device of that latency and any throughput, with the real model's signature and no work."""
    settings = {"backend": "emulated", "backend_parameters.service_time_s": service_time_s,
                "backend_parameters.pipeline_depth": 64}  # fmt: skip
    return [word for key, value in settings.items() for word in ("--set", f"{MODEL}.{key}={value}")]


def prepare(folder: Path) -> None:
    """Writes a longer sample, and a job that reads it and leaves out what by_hand.py does not write."""
    command = [EVENTPROC, "merge", folder / "input.root", *[SAMPLE] * COPIES]
    subprocess.run(command, check=True, cwd=ROOT, capture_output=True)
    shutil.copy(JOB.with_name("top_tagging_cff.py"), folder)
    (folder / "job_cfg.py").write_text(JOB.read_text() + CHANGES)


def job(server: str, folder: Path, events: int, streams: int) -> dict:
    """The services' part of the job's report."""
    words = {"servers": server, "inputFiles": folder / "input.root", "maxEvents": events}
    words |= {"numberOfStreams": streams, "outputFile": folder / "job.root", "overwrite": True}
    report = folder / "report.xml"
    command = [EVENTPROC, "run", folder / "job_cfg.py", *(f"{name}={value}" for name, value in words.items())]
    subprocess.run([*command, "--jobreport", report], check=True, cwd=ROOT, capture_output=True)
    return json.loads(report.with_suffix(".json").read_text())["services"]


def cost_of_job(server: str, folder: Path, events: int) -> tuple[float, int, int]:
    """CPU us an event from the first one to the closed file; rows asked about; bodies they were sent in."""
    services = job(server, folder, events, 16)
    timing, asked = services["Timing"], services["InferenceService"][MODEL]["asked"][0]
    return 1e6 * (timing["TotalJobCPU"] - timing["TotalInitCPU"]) / events, asked["rows"], asked["bodies"]


def cost_by_hand(server: str, folder: Path, events: int) -> tuple[float, int]:
    """The same of the loop written by hand, but for its bodies: always one for all streams."""
    files = [str(folder / name) for name in ("input.root", "by_hand.root")]
    command = [sys.executable, str(BY_HAND), server, *files, str(events)]
    done = subprocess.run(command, check=True, cwd=ROOT, capture_output=True, text=True)
    _, cpu_s, rows = done.stdout.split()
    return 1e6 * float(cpu_s) / events, int(rows)


def cost_figure(folder: Path, rounds: int, events: int) -> Figure:
    """CPU time of framework and client over that of the script, the median of the rounds.

    Both run in each round and take turns in who is first: a machine that gets slower meanwhile favours
    neither, and a round that something else disturbed does not count.
    """
    ratios = []
    with LocalServer(str(ROOT / "data" / "models"), emulated(0.0)) as server:
        for number in range(rounds):
            order = (cost_by_hand, cost_of_job) if number % 2 else (cost_of_job, cost_by_hand)
            found = {measure: measure(server.address, folder, events) for measure in order}
            (ours_us, rows, bodies), (theirs_us, jets) = found[cost_of_job], found[cost_by_hand]
            if rows != jets:
                raise SystemExit(f"the job asked about {rows} jets, the script about {jets}")
            ratios.append(ours_us / theirs_us)
            print(
                f"CPU of an event: job {ours_us:.0f} us, by hand {theirs_us:.0f} us, ratio {ratios[-1]:.3f}; "
                f"{rows / bodies:.1f} rows in a body of the job"
            )
    return Figure("cpu_of_job_over_by_hand", statistics.median(ratios), 1.15, at_most=True)


def latency_figure(folder: Path, rounds: int, events: int) -> Figure:
    """Events a second with a server 60 ms away over those with one that answers at once."""
    rates: dict[float, list[float]] = {0.0: [], 0.060: []}
    models = str(ROOT / "data" / "models")
    with LocalServer(models, emulated(0.0)) as near, LocalServer(models, emulated(0.060)) as far:
        for _ in range(rounds):
            for server, measured in zip((near, far), rates.values(), strict=True):
                timing = job(server.address, folder, events, MANY_STREAMS)["Timing"]
                measured.append(timing["EventThroughput"])
    for latency_s, measured in rates.items():
        print(
            f"{1000 * latency_s:2.0f} ms, {MANY_STREAMS} streams: {', '.join(f'{r:.0f}' for r in measured)}"
            " events/s"
        )
    return Figure(
        "rate_at_60_ms_over_0_ms", statistics.median(rates[0.060]) / statistics.median(rates[0.0]), 0.95
    )


def bytes_figures(n_events: int) -> list[Figure]:
    """Size of requests of one event each, over that of the same images as float32 for each pixel."""
    with uproot.open(SAMPLE) as file:
        names = ("ecalRecHits_rawId", "ecalRecHits_energy", "ecalRecHits_flags")
        events = file["Events"].arrays(names, entry_stop=n_events)
    sent, n_images = {"nearest": 0, "area": 0}, 0
    for event in events:
        raw_id, energy, flags = (ak.to_numpy(event[name]) for name in names)
        kept, _ = RecHitSelection(0.25, Severity(2)).select(raw_id, energy, flags)
        (eta, phi), energy = crystal_positions(raw_id[kept]), energy[kept]
        jets = cluster_jets(transverse_energy(energy, eta), eta, phi, et_min=200.0)
        n_images += len(jets.pt)
        for rule in sent if len(jets.pt) else ():
            specification = ImageSpecification(pixel_rule=rule)
            images = draw_jet_images(specification, energy, eta, phi, jets.pt, jets.eta, jets.phi)
            tensor = sparse_tensor("images", (1, 224, 224), images.counts, images.index, images.value)
            sent[rule] += len(encode_request(InferenceRequest(id="benchmark", inputs=[tensor])))
    dense = n_images * 4 * ImageSpecification().pixels ** 2
    return [
        Figure(f"bytes_an_image_{rule}_over_dense", sent[rule] / dense, goal, at_most=True)
        for rule, goal in (("nearest", 1 / 40), ("area", 1 / 10))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with fewer rounds")
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        cost = cost_figure(folder, 2 if is_quick else 10, 2000)
        latency = latency_figure(folder, 2 if is_quick else 5, 500 * COPIES)
    print_figures(cost, latency, *bytes_figures(100 if is_quick else 500))


if __name__ == "__main__":
    main()
