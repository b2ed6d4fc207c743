"""The tagger against a server that answers, one that lies, and none at all."""

import math
import re
import ssl
import threading

import numpy as np
import pytest
import trustme

from eventproc.errors import ConfigurationError
from inference_client.configuration import ClientConfiguration
from inference_client.signature import ModelExpectation
from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from inference_client.testing.faults import Fault
from producers.algorithms.image_specification import ImageSpecification
from producers.datatypes import TagStatus
from producers.inference_service import InferenceService
from tests.flat_files import jet_hits
from tests.producers.jobs import NO_JET, ONE_JET, TWO_JETS, hits, run_chain
from tests.producers.serving import serve_elsewhere

TAGGING = ("ecalCrystals", "ecalJets", "jetImages", "topTags")
SPECIFICATION = ImageSpecification().to_dict()


def share_of_lit_pixels(images):
    """Scores that tell jets apart: lit pixels in hundreds."""
    lit = (images.reshape(len(images), -1) != 0).sum(axis=1) / 100
    return np.stack([1 - lit, lit], axis=1).astype(np.float32)


def serve(compute=share_of_lit_pixels, specification=None, labels=("QCD", "top")):
    model = FakeModel(compute, name="toptag", image_spec=specification or SPECIFICATION)
    model.metadata.inputs[0].name = "images"
    model.metadata.parameters.labels = list(labels)
    return FakeServer(model)


async def tag(events, server, **parameters):
    parameters = {"modelName": "toptag", "timeout": 5, **parameters}
    servers = [server.address] if server else ["http://127.0.0.1:9"]
    return await run_chain(events, *TAGGING, servers=servers, topTags=parameters)


async def test_every_jet_gets_its_own_score():
    async with serve() as server:
        report, (two, none, one) = await tag([TWO_JETS, NO_JET, ONE_JET], server)
    assert not report.errors, report.errors
    # The wider jet has more energy and comes first.
    assert two["TopTags"].score.tolist() == pytest.approx([0.36, 0.16])
    assert one["TopTags"].score.tolist() == pytest.approx([0.16])
    assert (two["TopTags"].status == TagStatus.ok).all()
    assert len(none["TopTags"]) == 0


async def test_every_answer_has_its_record():
    async with serve() as server:
        _, (two, none, _) = await tag([TWO_JETS, NO_JET, ONE_JET], server)
        address = server.address
    record = two["InferenceRecord"]
    assert record.model == ("toptag",)
    assert record.server == (address,)
    assert record.modelSha256 == ("0" * 64,)
    assert record.attempts.tolist() == [1]
    assert record.requestRows.tolist() == [2]
    assert record.totalUs[0] >= record.wireUs[0] > 0
    assert len(none["InferenceRecord"]) == 0


async def test_an_event_without_jets_asks_nothing():
    async with serve() as server:
        await tag([NO_JET], server)
        assert server.requests == []


async def test_a_jet_without_pixels_is_not_asked_about():
    specification = ImageSpecification(minimum_energy=40.0)
    faint = {"ecalRecHits": hits(*jet_hits(energy=25.0))}
    async with serve(specification=specification.to_dict()) as server:
        report, (event,) = await run_chain(
            [faint], *TAGGING, servers=[server.address],
            topTags={"modelName": "toptag"}, jetImages={"image": {"minimumEnergy": 40.0}},
        )  # fmt: skip
        assert server.requests == []
    assert not report.errors, report.errors
    assert event["TopTags"].status.tolist() == [TagStatus.emptyImage]
    assert math.isnan(event["TopTags"].score[0])


@pytest.mark.parametrize("score", [math.nan, math.inf, -0.1, 1.1])
async def test_a_score_that_is_no_probability_is_not_written(score):
    async with serve(lambda images: np.full((len(images), 2), score, np.float32)) as server:
        report, (event,) = await tag([ONE_JET], server)
    assert not report.errors
    assert event["TopTags"].status.tolist() == [TagStatus.invalidScore]
    assert math.isnan(event["TopTags"].score[0])


async def test_a_model_for_other_images_is_refused_before_the_first_event():
    other = ImageSpecification(pixel_rule="area").to_dict()
    async with serve(specification=other) as server:
        report, _ = await tag([ONE_JET], server)
        assert server.requests == []
    assert report.exit_code == 8009
    assert report.events_read == 0
    assert "pixel_rule is 'area' in training and 'nearest' here" in report.errors[0].message


async def test_a_model_that_does_not_name_the_signal_is_refused():
    async with serve(labels=("QCD", "W")) as server:
        report, _ = await tag([ONE_JET], server)
    assert report.exit_code == 8009
    assert "no class 'top'; its classes are 'QCD', 'W'" in report.errors[0].message


async def test_nobody_answers_and_the_job_ends():
    report, _ = await tag([ONE_JET], None)
    assert report.exit_code == 8036
    assert "http://127.0.0.1:9" in report.errors[0].message


async def test_a_server_that_dies_ends_the_job_with_the_event_in_the_message():
    async with serve() as server:
        server.always = Fault.RESET
        report, _ = await tag([ONE_JET], server, timeout=1)
    assert report.exit_code == 8036
    assert report.errors[0].context[0].startswith("Processing  Event run: 1 lumi: 1 event: 1")


async def test_flag_marks_the_jets_and_goes_on():
    async with serve() as server:
        server.faults.extend([Fault.RESET] * 3)
        report, events = await tag([ONE_JET, NO_JET], server, timeout=2, allowedTries=1, onFailure="flag")
    assert not report.errors, report.errors
    lost, empty = events
    assert lost["TopTags"].status.tolist() == [TagStatus.callFailed]
    assert math.isnan(lost["TopTags"].score[0])
    assert lost["InferenceRecord"].server == ("",)
    assert lost["InferenceRecord"].requestRows.tolist() == [1]
    assert len(empty["InferenceRecord"]) == 0


@pytest.mark.parametrize("mode", ["Sync", "PseudoAsync", "Async"])
async def test_every_mode_gives_the_same_scores(mode):
    with serve_elsewhere(serve()) as address:
        report, events = await run_chain(
            [TWO_JETS, NO_JET, ONE_JET], *TAGGING, servers=[address],
            topTags={"modelName": "toptag", "timeout": 5, "mode": mode},
        )  # fmt: skip
    assert not report.errors, report.errors
    assert [event["TopTags"].score.tolist() for event in events] == [
        pytest.approx([0.36, 0.16]), [], pytest.approx([0.16])
    ]  # fmt: skip
    assert report.services["InferenceService"]["toptag"]["asked"][0]["rows"] == 3
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("inference")]


@pytest.mark.parametrize(("mode", "overlap"), [("Sync", False), ("PseudoAsync", True), ("Async", True)])
async def test_only_sync_holds_up_the_other_streams(mode, overlap):
    server = serve()
    server.delay_s = 0.5
    with serve_elsewhere(server) as address:
        parameters = {"modelName": "toptag", "timeout": 5, "mode": mode}
        report, _ = await run_chain([ONE_JET] * 4, *TAGGING, servers=[address], streams=4, topTags=parameters)
    bodies = report.services["InferenceService"]["toptag"]["asked"][0]["bodies"]
    assert (bodies < 4 or server.most_at_once > 1) == overlap


@pytest.mark.parametrize("mode", ["Sync", "PseudoAsync"])
async def test_in_every_mode_a_lost_event_ends_the_job(mode):
    report, _ = await tag([ONE_JET], None, mode=mode)
    assert report.exit_code == 8036


async def test_the_timeout_is_in_its_unit_and_there_are_as_many_tries_as_allowed():
    async with serve() as server:
        server.always = Fault.HANG
        report, _ = await tag([ONE_JET], server, timeout=300, timeoutUnit="milliseconds")
        assert "within 0.3 s" in str(report.errors)
        server.requests.clear()
        server.always = Fault.RESET
        report, _ = await tag([ONE_JET], server, allowedTries=2)
        assert "2 tries are allowed" in str(report.errors)
        assert len(server.requests) == 2


async def test_another_version_than_the_servers_have_ends_the_job_at_its_start():
    async with serve() as server:
        report, _ = await tag([ONE_JET], server, modelVersion="2")
        assert server.requests == []
    assert report.exit_code == 8009


async def test_the_preferred_server_is_asked_as_long_as_it_answers():
    async with serve() as one, serve() as other:
        servers = [one.address, other.address]
        parameters = {"modelName": "toptag", "timeout": 5, "preferredServer": other.address}
        await run_chain([ONE_JET] * 6, *TAGGING, servers=servers, topTags=parameters)
        assert (len(one.requests), len(other.requests)) == (0, 6)
        other.faults.append(Fault.RESET)
        report, events = await run_chain([ONE_JET], *TAGGING, servers=servers, topTags=parameters)
    assert not report.errors
    assert events[0]["InferenceRecord"].server == (servers[0],)


async def test_verbose_tells_of_every_answer(caplog):
    async with serve() as server:
        await tag([ONE_JET, NO_JET], server, verbose=True)
    (told,) = [record.getMessage() for record in caplog.records if record.name.endswith("InferenceProducer")]
    assert re.search(
        rf"event .*: 1 rows from {server.address} \(cpu, batch of 1\) at try 1 in [\d.]+ ms", told
    )


async def test_the_report_suggests_a_timeout_and_tells_the_latency_of_each_server():
    async with serve() as server:
        report, _ = await tag([ONE_JET, NO_JET], server)
    figures = report.services["InferenceService"]["toptag"]
    assert figures["suggestedTimeout_s"] in (1, 2, 5)
    (seen,) = figures["asked"][0]["servers"]
    assert 0 < seen["latency"]["p50_s"] <= seen["latency"]["p95_s"] <= seen["latency"]["p99_s"]


async def test_without_an_answer_no_timeout_is_suggested():
    async with serve() as server:
        report, _ = await tag([NO_JET], server)
    assert report.services["InferenceService"]["toptag"]["suggestedTimeout_s"] is None


async def test_a_job_does_not_speak_to_a_server_that_it_cannot_trust(tmp_path):
    authority = trustme.CA()
    server = serve()
    server.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server.tls)
    trustme.CA().cert_pem.write_to_path(tmp_path / "another.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ask = {"servers": [], "topTags": {"modelName": "toptag", "timeout": 5}}
    async with server:
        ask["servers"] = [server.address]
        report, collected = await run_chain(
            [ONE_JET],
            *TAGGING,
            **ask,
            service={"caFile": str(tmp_path / "another.pem"), "waitForServers": 60.0},
        )
        assert report.errors[0].exit_code == ConfigurationError.exit_code
        assert "certificate verify failed" in str(report.errors[0])
        assert (collected, server.requests) == ([], [])
        report, (event,) = await run_chain(
            [ONE_JET], *TAGGING, **ask, service={"caFile": str(tmp_path / "ca.pem")}
        )
    assert not report.errors, report.errors
    assert event["TopTags"].status.tolist() == [TagStatus.ok]


async def test_a_compression_that_the_server_does_not_offer_is_told(caplog):
    async with serve() as server:
        report, (event,) = await run_chain(
            [ONE_JET],
            *TAGGING,
            servers=[server.address],
            topTags={"modelName": "toptag", "compression": "gzip"},
        )
    assert not report.errors, report.errors
    assert "does not offer gzip" in caplog.text
    assert event["TopTags"].status.tolist() == [TagStatus.ok]


def test_what_the_service_says_holds_for_every_model():
    service = InferenceService(
        InferenceService.Params(
            hedging=True,
            certificateFile="a.pem",
            keyFile="a.key",
            caFile="ca.pem",
            tokenFile="token",
            waitForServers=3.0,
        )
    )
    configuration = service.add_model(ClientConfiguration("m"), ModelExpectation).configuration
    assert configuration.hedging
    assert (configuration.certificate_file, configuration.key_file) == ("a.pem", "a.key")
    assert (configuration.ca_file, configuration.token_file) == ("ca.pem", "token")
    assert configuration.wait_for_servers_s == 3.0
