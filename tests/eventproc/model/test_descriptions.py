import dataclasses

from eventproc.model.descriptions import ProcessOptions
from tests.eventproc.runtime.conftest import job, module, path

JOB = job(module("EDProducer", "AddOne", "a", step=1), paths=[path("p", "a")])


def test_the_id_names_tracked_parameters():
    changed = job(module("EDProducer", "AddOne", "a", step=2), paths=[path("p", "a")])
    assert JOB.id != changed.id


def test_the_id_disregards_untracked_parameters_and_options():
    component = dataclasses.replace(JOB.modules[0], parameters={"step": 1, "x": 3}, untracked=("x",))
    assert dataclasses.replace(JOB, modules=(component,)).id == JOB.id
    assert dataclasses.replace(JOB, options=ProcessOptions(numberOfStreams=7)).id == JOB.id


def test_the_id_knows_negated_filters_from_plain_ones():
    plain, negated = (dataclasses.replace(JOB, paths=(path("p", step),)) for step in ("a", "~a"))
    assert plain.id != negated.id
