from __future__ import annotations

from types import SimpleNamespace

import pytest

import eventproc.config as cms
from eventproc.config.freeze import freeze
from eventproc.errors import ConfigurationError


@pytest.fixture
def process() -> cms.Process:
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource")
    return process


@pytest.mark.parametrize("name", ["", "a_b", "a b", "é", 3])
def test_the_name_is_alphanumeric(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"test_process.py:\d+: cms.Process: the name"):
        cms.Process(name)


def test_assignment_gives_the_label(process: cms.Process) -> None:
    module = cms.EDProducer("Jets")
    assert not module.hasLabel_()
    process.jets_2 = module
    assert module.label_() == "jets_2"
    assert process.jets_2 is module
    assert "jets_2" in dir(process)


@pytest.mark.parametrize("label", ["a-b", "_a", "", "é", "load", "name_"])
def test_a_label_that_cannot_be_one_is_refused(process: cms.Process, label: str) -> None:
    with pytest.raises(ConfigurationError, match="the label"):
        setattr(process, label, cms.EDProducer("X"))


def test_one_object_under_two_labels_is_refused_with_ways_out(process: cms.Process) -> None:
    process.a = cms.EDProducer("X")
    with pytest.raises(ConfigurationError, match=r"second label 'b'.*process\.a\.clone\(\)"):
        process.b = process.a
    process.b = process.a.clone()
    process.a = process.a


def test_an_object_of_another_process_keeps_its_label(process: cms.Process) -> None:
    other = cms.Process("OTHER")
    other.a = cms.EDProducer("X")
    process.a = other.a
    other.b = cms.EDProducer("Y")
    with pytest.raises(ConfigurationError, match="has its label from another process"):
        process.c = other.b


def test_a_deleted_or_replaced_object_can_get_another_label(process: cms.Process) -> None:
    first = cms.EDProducer("X")
    process.a = first
    process.a = cms.EDProducer("Y")
    process.b = first
    del process.b
    process.c = first
    assert [module.label for module in freeze(process).modules] == ["a", "c"]


def test_source_and_schedule_have_their_own_names(process: cms.Process) -> None:
    assert cms.Process("A").source is None
    assert cms.Process("A").schedule is None
    with pytest.raises(ConfigurationError, match=r"process.source holds the cms.Source"):
        process.other = cms.Source("X")
    with pytest.raises(ConfigurationError, match=r"process.source holds the cms.Source"):
        process.source = cms.EDProducer("X")
    with pytest.raises(ConfigurationError, match=r"process.schedule holds the cms.Schedule"):
        process.other = cms.Schedule()


def test_a_plain_value_cannot_be_an_attribute(process: cms.Process) -> None:
    with pytest.raises(ConfigurationError, match=r"process.threshold cannot hold 3"):
        process.threshold = 3


def test_a_missing_label_is_an_attribute_error_with_near_names(process: cms.Process) -> None:
    process.ecalJets = cms.EDProducer("X")
    assert not hasattr(process, "other")
    with pytest.raises(AttributeError, match="process has no 'ecalJet': did you mean 'ecalJets'"):
        _ = process.ecalJet
    with pytest.raises(AttributeError, match="did you mean 'ecalJets'"):
        del process.ecalJet


def test_services_are_added_under_their_type_or_any_label(process: cms.Process) -> None:
    process.add_(cms.Service("Timing"))
    process.inference = cms.Service("InferenceService", servers=["http://a"])
    assert list(process.services_()) == ["Timing", "inference"]
    with pytest.raises(ConfigurationError, match=r"process.add_ takes a cms.Service"):
        process.add_(cms.EDProducer("X"))


@pytest.mark.parametrize(
    "value",
    [
        50,
        cms.untracked.int32(50),
        cms.untracked.PSet(input=cms.untracked.int32(50)),
        cms.PSet(input=50),
        {"input": 50},
    ],
)
def test_max_events_is_given_in_any_form(process: cms.Process, value: object) -> None:
    process.maxEvents = value
    assert freeze(process).max_events == 50
    process.maxEvents.input = 7
    assert freeze(process).max_events == 7


@pytest.mark.parametrize("value", ["many", 2.5, -2, [1]])
def test_max_events_of_another_type_is_refused(process: cms.Process, value: object) -> None:
    with pytest.raises(ConfigurationError, match=r"test_process.py:\d+: "):
        process.maxEvents = value
    with pytest.raises(ConfigurationError, match=r"test_process.py:\d+: "):
        process.maxEvents.input = value


def test_options_are_assigned_as_a_pset_or_one_by_one(process: cms.Process) -> None:
    process.options = cms.untracked.PSet(
        numberOfStreams=cms.untracked.uint32(4), TryToContinue=cms.untracked.vstring("ProductNotFound")
    )
    process.options.wantSummary = True
    options = freeze(process).options
    assert (options.numberOfStreams, options.wantSummary) == (4, True)
    assert options.TryToContinue == ("ProductNotFound",)
    process.options = cms.untracked.PSet()
    assert freeze(process).options.numberOfStreams == 0
    process.options.numberOfStreams = 4
    del process.options
    assert freeze(process).options.numberOfStreams == 0


def test_an_option_of_another_type_is_refused_at_its_line(process: cms.Process) -> None:
    with pytest.raises(
        ConfigurationError, match=r"test_process.py:\d+: cms.uint32: 'many' is not a whole number"
    ):
        process.options.numberOfStreams = "many"
    with pytest.raises(
        ConfigurationError, match=r"test_process.py:\d+: parameter 'process.options.wantSummary'"
    ):
        process.options.wantSummary = object()
    with pytest.raises(ConfigurationError, match=r"process.options takes cms.untracked.PSet"):
        process.options = 3


def test_options_of_cmsrun_that_change_nothing_are_taken(process: cms.Process) -> None:
    process.options = cms.untracked.PSet(
        Rethrow=cms.untracked.vstring("ProductNotFound"),
        accelerators=cms.untracked.vstring("*"),
        fileMode=cms.untracked.string("FULLMERGE"),
        numberOfConcurrentLuminosityBlocks=cms.untracked.uint32(2),
    )
    freeze(process)
    process.options.fileMode = "NOMERGE"
    with pytest.raises(
        ConfigurationError, match="fileMode = 'NOMERGE': only cmsRun's default 'FULLMERGE' works"
    ):
        freeze(process)


def test_an_option_that_cms_dropped_names_its_successor(process: cms.Process) -> None:
    process.options.SkipEvent = ["ProductNotFound"]
    with pytest.raises(ConfigurationError, match="use TryToContinue"):
        freeze(process)


def test_objects_are_listed_by_kind(process: cms.Process) -> None:
    process.a, process.f = cms.EDProducer("A"), cms.EDFilter("F")
    process.n, process.o = cms.EDAnalyzer("N"), cms.OutputModule("O")
    process.s, process.t = cms.Sequence(process.a), cms.Task(process.a)
    process.p, process.e, process.z = cms.Path(), cms.EndPath(), cms.FinalPath()
    process.pset, process.vpset = cms.PSet(), cms.VPSet()
    lists = [
        process.producers_(), process.filters_(), process.analyzers_(), process.outputModules_(),
        process.sequences_(), process.tasks_(), process.paths_(), process.endpaths_(),
        process.finalpaths_(), process.psets_(), process.vpsets_(),
    ]  # fmt: skip
    labels = [list(listed) for listed in lists]
    assert labels == [[name] for name in ("a", "f", "n", "o", "s", "t", "p", "e", "z", "pset", "vpset")]
    assert list(process.modules_()) == ["a", "f", "n", "o"]
    assert process.producers == process.producers_()
    assert process.name_() == "TEST"


def test_extend_takes_what_is_labelled(process: cms.Process) -> None:
    jets = cms.EDProducer("Jets")
    fragment = SimpleNamespace(
        jets=jets,
        _temporary=cms.EDProducer("Hidden"),
        seq=cms.Sequence(jets),
        anySource=cms.Source("PoolSource"),
        anySchedule=cms.Schedule(),
        number=3,
        cms=cms,
    )
    del process.source
    process.extend(fragment)
    assert list(process.modules_()) == ["jets"]
    assert process.source.type_() == "PoolSource"
    assert len(process.schedule) == 0
    process.extend(fragment)


def test_extend_does_not_redefine_a_label(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    with pytest.raises(ConfigurationError, match=r"already has EDProducer 'jets'.*defines 'jets' again"):
        process.extend(SimpleNamespace(jets=cms.EDProducer("Other")))


def test_global_replace_needs_a_label_that_is_there(process: cms.Process) -> None:
    process.jets = cms.EDProducer("Jets")
    with pytest.raises(ConfigurationError, match="did you mean 'jets'"):
        process.globalReplace("jetz", cms.EDProducer("Other"))


def test_mass_replace_reaches_nested_input_tags(capsys: pytest.CaptureFixture[str]) -> None:
    process = cms.Process("TEST")
    process.a = cms.EDProducer(
        "A",
        src=cms.InputTag("old"),
        other=cms.InputTag("old", "inst"),
        text="old",
        inner=cms.PSet(src=cms.untracked.InputTag("old")),
        many=cms.VPSet(cms.PSet(src=cms.InputTag("old"))),
        tags=cms.VInputTag("x", "old"),
    )
    cms.massReplaceInputTag(process, "old", "new", True)
    assert "a.many[0].src: old -> new\n" in capsys.readouterr().out
    a = process.a
    assert a.src == "new" == a.inner.src == a.many[0].src == a.tags[1]
    assert not a.inner.src.isTracked()
    assert a.other == "old:inst"
    assert a.text == "old"
    cms.massReplaceInputTag(process, "old", "new", moduleLabelOnly=True)
    assert a.other == "new:inst"
