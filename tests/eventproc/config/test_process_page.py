import eventproc.config as cms


def make_process():
    process = cms.Process("PAGE")
    process.source = cms.Source("PoolSource", fileNames=cms.untracked.vstring("a<b>.root"))
    process.maxEvents.input = 5
    process.f = cms.EDFilter("Chooser", depth=cms.int32(3))
    process.a = cms.EDProducer("Maker")
    process.s = cms.Sequence(process.a)
    process.p = cms.Path(~process.f + process.s)
    return process


def test_paths_components_and_parameters_are_shown():
    page = make_process()._repr_html_()
    for shown in (
        "process PAGE",
        "at most 5 events",
        "~f + a",
        "f = EDFilter Chooser",
        "int32(3)",
        "Modules (2)",
    ):
        assert shown in page
    assert page.count("<details") == page.count("</details>") == 5


def test_what_a_job_says_is_escaped():
    page = make_process()._repr_html_()
    assert "a&lt;b&gt;.root" in page
    assert "<b>.root" not in page


def test_an_empty_process_and_a_broken_sequence_are_shown_too():
    assert "all events" in cms.Process("EMPTY")._repr_html_()
    process = make_process()
    process.s += process.s
    assert "contains itself" in process._repr_html_()
