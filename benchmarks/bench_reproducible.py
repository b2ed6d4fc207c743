"""What it costs that a row's result has the same bits in any company: every batch runs at one padded shape.

The shipped model at batches of eight, with and without, in turns: images a second with sixteen clients of one
image each, which fill the batches, and the latency of one client, who pays for eight rows.
"""

import argparse
import statistics
import tempfile
import urllib.request
from pathlib import Path
from shutil import copytree

import numpy as np

from inference_client.local_server import LocalServer
from inference_client.protocol import codec, headers
from inference_client.protocol.arrays import Array, to_array
from inference_client.protocol.messages import InferenceRequest, Tensor
from inference_client.protocol.routes import infer_path
from inference_client.protocol.rows import slice_rows
from load import Load, ask, post
from served import sparse_request

MODEL = "toptag_small"
MODELS = Path(__file__).resolve().parent.parent / "data" / "models"
ROWS = 8
IMAGES = 64
KINDS = ("ordinary", "reproducible")


def images_that_differ(address: str) -> int:
    """How many images have other scores alone than in company."""
    (images,) = codec.decode_request(sparse_request(IMAGES)).inputs
    alone, company = (
        np.concatenate(
            [scores(address, slice_rows(images, start, start + rows)) for start in range(0, IMAGES, rows)]
        )
        for rows in (1, ROWS)
    )
    return int(np.any(alone != company, axis=1).sum())


def scores(address: str, images: Tensor) -> Array:
    body = codec.encode_request(InferenceRequest(id="bits", inputs=[images]))
    request = urllib.request.Request(address + infer_path(MODEL), body, {"Content-Type": headers.MSGPACK})
    with urllib.request.urlopen(request, timeout=60) as reply:
        (output,) = codec.decode_response(reply.read()).outputs
    return to_array(output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under a minute, with shorter rounds")
    rounds, seconds = (3, 1.0) if parser.parse_args().quick else (7, 3.0)
    request = post(infer_path(MODEL), sparse_request())
    loads: dict[tuple[str, int], list[Load]] = {(kind, n): [] for kind in KINDS for n in (1, 16)}
    with tempfile.TemporaryDirectory() as folder:
        copytree(MODELS / MODEL, Path(folder) / MODEL)
        sizes = ["--set", f"{MODEL}.max_rows={ROWS}"]
        always_padded = [*sizes, "--set", f"{MODEL}.reproducible=true"]
        with LocalServer(folder, sizes) as ordinary, LocalServer(folder, always_padded) as reproducible:
            servers = dict(zip(KINDS, (ordinary, reproducible), strict=True))
            for kind, server in servers.items():
                differing = images_that_differ(server.address)
                print(f"{kind}: {differing} of {IMAGES} images have other scores alone than in eights")
            for _ in range(rounds):
                for (kind, clients), found in loads.items():
                    found.append(ask(servers[kind].address, request, clients, seconds))
    rate = {key: statistics.median(load.steady_rate for load in found) for key, found in loads.items()}
    p50_s = {key: statistics.median(load.percentile_s(50) for load in found) for key, found in loads.items()}
    for kind in KINDS:
        p50_ms = 1e3 * p50_s[kind, 1]
        print(f"{kind}: {rate[kind, 16]:.0f} images/s with 16 clients, p50 {p50_ms:.2f} ms with one")
    # What it costs is asked, not that it cost no more than something: these two have no goal.
    print(f"reproducible_rate_over_ordinary_16_clients {rate['reproducible', 16] / rate['ordinary', 16]:.3g}")
    print(f"reproducible_p50_over_ordinary_1_client {p50_s['reproducible', 1] / p50_s['ordinary', 1]:.3g}")


if __name__ == "__main__":
    main()
