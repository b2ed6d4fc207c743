from tests.eventproc.runtime.conftest import job, module, path


def test_streams_that_waited_for_the_source_together_go_on_together(run, log):
    report = run(
        job(
            module("EDProducer", "Together", "ask"),
            paths=[path("p", "ask")],
            streams=8,
            source=module("Source", "LateSource", "source", n=8),
        )
    )
    assert report.events_read == 8, report.errors
    assert [entry for entry in log if entry[0] == "together"] == [("together", 8)]
