"""The flagship job with its model on an OpenCL device: the client cannot tell but by the inference record."""

import json
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
import uproot

from tests.integration.conftest import CONFIGS, FLAGSHIP, run_command

JOB = """
import eventproc.config as cms
from top_tagging_cfg import process

process.topTags.modelName = "{model}"
process.InferenceService.localServerOptions = cms.untracked.vstring("--set", "{model}.backend={backend}")
"""
EVENTS = 100
SCORE_TOLERANCE = 1e-5
INTEGER_TOLERANCE = 0.01
"""Of an 8-bit network: engines round sums that lie between two bytes either way, and layers carry it on."""


def scores_of(folder: Path, job: Path, **env: str) -> tuple[np.ndarray, dict]:
    """Scores of all jets, and the texts of the inference records."""
    folder.mkdir()
    done = run_command(folder, "run", job, f"maxEvents={EVENTS}", "outputFile=out.root", **env)
    assert done.code == 0, done.err
    with uproot.open(folder / "out.root") as file:
        events = file["Events"].arrays(["topTags_score", "topTags_status"])
        metadata = json.loads(str(file["eventproc"]))
    assert not ak.any(events["topTags_status"])
    return np.asarray(ak.flatten(events["topTags_score"])), metadata["dictionaries"]


def job_with(folder: Path, model: str, backend: str) -> Path:
    job = folder / f"{backend}_cfg.py"
    job.write_text(JOB.format(model=model, backend=backend))
    return job


@pytest.mark.requires("opencl")
def test_the_flagship_job_scores_on_an_opencl_device_as_on_the_default_engine(tmp_path):
    job = job_with(tmp_path, "toptag_small", "opencl")
    found, record = scores_of(tmp_path / "opencl", job, PYTHONPATH=str(CONFIGS))
    expected, default_record = scores_of(tmp_path / "default", FLAGSHIP)
    assert len(found) > 80
    np.testing.assert_allclose(found, expected, rtol=0, atol=SCORE_TOLERANCE)
    # Where no score lies that close to one half, every jet has the same class.
    clear = np.abs(expected - 0.5) > SCORE_TOLERANCE
    np.testing.assert_array_equal(found[clear] > 0.5, expected[clear] > 0.5)
    assert record["topTags_inference_device"][0].startswith("opencl:")
    assert default_record["topTags_inference_device"] == ["cpu"]


@pytest.mark.requires("opencl")
def test_the_shipped_resnet50_scores_on_an_opencl_device_as_by_onnxruntime(tmp_path):
    found, expected = (
        scores_of(
            tmp_path / backend, job_with(tmp_path, "toptag_resnet50", backend), PYTHONPATH=str(CONFIGS)
        )[0]
        for backend in ("opencl", "onnxruntime")
    )
    assert len(found) > 80
    np.testing.assert_allclose(found, expected, rtol=0, atol=INTEGER_TOLERANCE)
    clear = np.abs(expected - 0.5) > INTEGER_TOLERANCE
    np.testing.assert_array_equal(found[clear] > 0.5, expected[clear] > 0.5)
