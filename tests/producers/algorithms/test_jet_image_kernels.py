"""Tests of how kernels are compiled and kept."""

import logging
import subprocess
import sys
from pathlib import Path

from numba import types

from producers.algorithms.jet_image_kernels import compiled, draw_images


def test_a_kernel_that_cannot_be_kept_is_compiled_all_the_same(caplog):
    namespace: dict = {}
    exec("def double(x):\n    return 2 * x", namespace)
    with caplog.at_level(logging.WARNING):
        double = compiled(types.int64(types.int64))(namespace["double"])
    assert double(21) == 42
    assert "NUMBA_CACHE_DIR" in caplog.text


def test_there_is_one_compiled_version():
    assert len(draw_images.signatures) == 1


def test_a_damaged_cache_is_no_obstacle(tmp_path):
    """The index files that numba keeps are cut short, as after a crash while they were written."""
    program = (
        "from producers.algorithms.jet_image import draw_jet_images\n"
        "from producers.algorithms.image_specification import ImageSpecification\n"
        "print(len(draw_jet_images(ImageSpecification(), [5.], [0.], [0.], [5.], [0.], [0.]).index))"
    )
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(Path(__file__).parents[3])}

    def run():
        return subprocess.run(
            [sys.executable, "-c", program],
            env=environment,
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        ).stdout

    assert run() == "1\n"
    kept = sorted(tmp_path.rglob("*.nbi"))
    assert kept
    for index in kept:
        index.write_bytes(index.read_bytes()[:7])
    assert run() == "1\n"
