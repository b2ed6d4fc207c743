"""What `reject_nonfinite` and the look for NaN in outputs cost, beside the decoding that is done anyway."""

import argparse
import time
from collections.abc import Callable

import numpy as np

from accelerator_server.batching.finiteness import first_nonfinite_row, nan_rows
from figures import Figure, print_figures
from inference_client.protocol.arrays import dense_tensor, scatter_into, sparse_tensor
from served import LIT_PIXELS, PIXELS, images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    rounds = 200 if parser.parse_args().quick else 2000
    figures = []
    for rows in (1, 32):
        buffer = np.zeros((rows, 1, PIXELS, PIXELS), np.float32)
        index, value = images(rows)
        counts = np.full(rows, LIT_PIXELS)
        tensors = {
            "dense": dense_tensor("images", np.random.default_rng(1).random(buffer.shape, np.float32)),
            "sparse": sparse_tensor("images", buffer.shape[1:], counts, index.ravel(), value.ravel()),
        }
        for kind, tensor in tensors.items():
            check_us = best_us(lambda tensor=tensor: first_nonfinite_row(tensor), rounds)
            fill_us = best_us(lambda tensor=tensor, buffer=buffer: scatter_into(tensor, buffer), rounds)
            print(f"{kind:6} {rows:2} rows: check {check_us:.1f} us, decode {fill_us:.1f} us")
            figures.append(Figure(f"finite_{kind}_{rows}_rows_over_decoding", check_us / fill_us, 2.5, True))
        outputs = {"scores": np.zeros((rows, 2), np.float32)}
        output_us = best_us(lambda outputs=outputs, rows=rows: nan_rows(outputs, rows), rounds)
        print(f"NaN in outputs of {rows} rows: {output_us:.1f} us")
    print_figures(*figures)


def best_us(work: Callable[[], object], rounds: int) -> float:
    """The tenth percentile of the time that something takes."""
    taken_s = []
    for _ in range(rounds):
        begun_s = time.perf_counter()
        work()
        taken_s.append(time.perf_counter() - begun_s)
    return float(np.percentile(taken_s, 10)) * 1e6


if __name__ == "__main__":
    main()
