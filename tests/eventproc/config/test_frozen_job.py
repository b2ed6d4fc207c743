import json

import pytest

from eventproc.config.frozen_job import parse_frozen_job, read_frozen_job, render_frozen_job
from eventproc.errors import ConfigFileNotFound, ConfigFileReadError
from eventproc.model.descriptions import (
    ComponentDescription,
    PathDescription,
    PathStep,
    ProcessDescription,
    ProcessOptions,
)

JOB = ProcessDescription(
    name="TEST",
    source=ComponentDescription("Source", "PoolSource", "source", {"fileNames": ["a.root"]}, ("fileNames",)),
    modules=(ComponentDescription("EDFilter", "F", "f", {"x": [1.5, {"y": None}], "e": 5e-324}, (), "j:1"),),
    paths=(PathDescription("p", "Path", (PathStep("f", negate=True),)),),
    unscheduled=("g",),
    services=(ComponentDescription("Service", "Timing", "Timing"),),
    options=ProcessOptions(numberOfStreams=4, TryToContinue=("EventCorruption",)),
    max_events=7,
)


def test_a_job_comes_back_as_it_was(tmp_path):
    path = tmp_path / "job.json"
    path.write_text(render_frozen_job(JOB))
    found = read_frozen_job(path)
    assert found == JOB
    assert found.id == JOB.id


def test_a_missing_file_is_named_with_its_neighbours(tmp_path):
    (tmp_path / "job.json").write_text("{}")
    with pytest.raises(ConfigFileNotFound, match=r"jop\.json.*did you mean 'job\.json'"):
        read_frozen_job(tmp_path / "jop.json")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"eventprocJob": 99}, "eventprocJob is 99; this version reads 1"),
        ({"process": None}, "Expected `object`, got `null`"),
        ({"process": {"name": "X"}}, "missing required field `source`"),
        ({"process": {"name": "X", "source": 3}}, r"at `process\.source`"),
    ],
)
def test_what_is_no_frozen_job_is_refused(change, message):
    values = json.loads(render_frozen_job(JOB)) | change
    with pytest.raises(ConfigFileReadError, match=message):
        parse_frozen_job(json.dumps(values).encode(), "job.json")


@pytest.mark.parametrize(
    "text", [render_frozen_job(JOB).encode()[:-20], b'{"\xe9": 1}'], ids=["cut", "latin-1"]
)
def test_damaged_json_is_refused(text):
    with pytest.raises(ConfigFileReadError, match=r"'job\.json' cannot be used"):
        parse_frozen_job(text, "job.json")
