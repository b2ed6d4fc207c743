from __future__ import annotations

import json

import pytest

import eventproc.config as cms
from eventproc.config.freeze import freeze
from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ComponentDescription, ProcessOptions


@pytest.fixture
def process() -> cms.Process:
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource")
    return process


def errors(process: cms.Process) -> str:
    with pytest.raises(ConfigurationError) as caught:
        freeze(process)
    return str(caught.value)


def test_a_whole_job_is_described(process: cms.Process) -> None:
    process.jets = cms.EDProducer(
        "EcalJetProducer",
        hits=cms.InputTag("hits", "EB"),
        cut=cms.double(20),
        debug=cms.untracked.bool(False),
    )
    process.idle = cms.EDProducer("Idle")
    process.Timing = cms.Service("Timing", summaryOnly=True)
    process.p = cms.Path(process.jets)
    process.maxEvents.input = 50
    process.options.numberOfStreams = 8
    frozen = freeze(process)
    assert frozen.name == "TEST"
    assert frozen.source.type == "EmptySource"
    assert [module.label for module in frozen.modules] == ["jets", "idle"]
    jets = frozen.modules[0]
    assert jets.where.startswith(__file__)
    assert (jets.kind, jets.type, jets.untracked) == ("EDProducer", "EcalJetProducer", ("debug",))
    assert jets.parameters == {"hits": "hits:EB", "cut": 20.0, "debug": False}
    assert frozen.services[0] == ComponentDescription(
        "Service", "Timing", "Timing", {"summaryOnly": True}, (), frozen.services[0].where
    )
    assert frozen.options == ProcessOptions(numberOfStreams=8)
    assert frozen.max_events == 50
    json.dumps(jets.parameters, allow_nan=False)


def test_untracked_values_do_not_change_the_id(process: cms.Process) -> None:
    process.jets = cms.EDProducer("J", cut=cms.double(20), debug=cms.untracked.bool(False))
    before = freeze(process).id
    process.jets.debug = True
    assert freeze(process).id == before
    process.jets.cut = 21
    assert freeze(process).id != before


def test_the_description_does_not_follow_later_changes(process: cms.Process) -> None:
    process.jets = cms.EDProducer("J", names=["a"])
    frozen = freeze(process)
    process.jets.names.append("b")
    assert frozen.modules[0].parameters == {"names": ["a"]}


def test_all_errors_of_a_job_come_at_once(process: cms.Process) -> None:
    del process.source
    process.jets = cms.EDProducer("Jets", bad={1, 2}, inner=cms.PSet(worse=object()))
    process.out = cms.OutputModule("Out")
    process.p = cms.Path(process.jets + cms.EDFilter("Loose") + process.out)
    process.schedule = cms.Schedule(process.p, cms.EndPath(process.out))
    process.options.numberOfStrems = 3
    process.maxEvents.inputs = 3
    process.one = cms.Service("Timing")
    process.two = cms.Service("Timing")
    text = errors(process)
    assert text.startswith("process 'TEST' has 8 errors:\n  1. ")
    for expected in (
        "there is no source",
        "EDProducer 'jets' of type 'Jets' (" + __file__,
        "parameter 'bad': a value of type set cannot be a parameter",
        "parameter 'inner.worse': a value of type object cannot be a parameter",
        "EDFilter of type 'Loose'",
        "is not attached to the process",
        "OutputModule 'out' of type 'Out'",
        "belongs on a cms.EndPath",
        "did you mean 'numberOfStreams'",
        "process.maxEvents has no 'inputs': did you mean 'input'?",
        "Service 'two' of type 'Timing'",
    ):
        assert expected in text
    assert text.count(__file__) >= 9


def test_a_single_error_needs_no_list(process: cms.Process) -> None:
    del process.source
    assert errors(process).startswith("process 'TEST': " + __file__)


def test_an_unattached_module_gets_the_label_of_its_like(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.p = cms.Path(cms.EDProducer("Jets"))
    assert "is process.jets meant?" in errors(process)


def test_an_unattached_path_of_a_schedule_gets_the_label_of_its_like(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.other = cms.Path()
    process.p = cms.Path(process.jets)
    process.schedule = cms.Schedule(cms.Path(process.jets))
    assert "is not attached to the process: known: 'p'" in errors(process)


def test_a_negated_producer_is_wrong(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.p = cms.Path(~process.jets)
    assert "decides nothing, so that ~ has no meaning" in errors(process)


def test_a_final_path_is_for_output_modules(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.z = cms.FinalPath(process.jets)
    assert "belongs on a cms.Path; a cms.FinalPath is for output modules" in errors(process)


def test_a_sequence_or_task_that_contains_itself_is_wrong(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.seq = cms.Sequence(process.jets)
    process.seq += process.seq
    process.t = cms.Task()
    process.t.add(process.t)
    process.p = cms.Path(process.seq)
    assert "cms.Sequence 'seq'" in errors(process)
    process.p = cms.Path(process.jets, process.t)
    assert "cms.Task 't'" in errors(process)


def test_an_unattached_module_of_a_task_is_wrong(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.p = cms.Path(process.jets, cms.Task(cms.EDProducer("Loose")))
    assert "EDProducer of type 'Loose'" in errors(process)


def test_a_label_that_no_longer_holds_a_module_is_wrong(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    process.p = cms.Path(process.jets)
    process.jets = cms.PSet(a=1)
    assert "is no module" in errors(process)


@pytest.mark.parametrize("label", ["maxEvent", "maxevents", "option"])
def test_a_pset_that_looks_like_a_setting_is_wrong(process: cms.Process, label: str) -> None:
    setattr(process, label, cms.untracked.PSet(input=cms.untracked.int32(3)))
    assert f"process.{label} sets nothing: did you mean process." in errors(process)


def test_a_limit_that_this_framework_lacks_is_wrong_unless_open(process: cms.Process) -> None:
    process.maxLuminosityBlocks = cms.untracked.PSet(input=cms.untracked.int32(-1))
    process.cuts = cms.PSet(input=3)
    freeze(process)
    process.maxLuminosityBlocks.input = 3
    assert "process.maxLuminosityBlocks is no limit here" in errors(process)
