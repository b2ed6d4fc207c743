"""The tagger of twelve numbers against a server in this process."""

import math

import numpy as np
import pytest

from inference_client.testing.fake_model import FakeModel
from inference_client.testing.fake_server import FakeServer
from producers.algorithms.jet_shape import FEATURES, shape_specification
from producers.datatypes import TagStatus
from tests.producers.jobs import NO_JET, TWO_JETS, run_chain

CHAIN = ("ecalCrystals", "ecalJets", "shapeTags")


def share_of_the_largest(features):
    share = features[:, FEATURES.index("leading_share")]
    return np.stack([1 - share, share], axis=1)


def serve(compute=share_of_the_largest, specification=None, labels=("QCD", "top")):
    model = FakeModel(
        compute, name="toptag_shape", row_shape=(len(FEATURES),),
        image_spec=specification or shape_specification(),
    )  # fmt: skip
    model.metadata.inputs[0].name = "features"
    model.metadata.parameters.labels = list(labels)
    return FakeServer(model)


async def tag(events, server, **parameters):
    settings = {"modelName": "toptag_shape", "timeout": 5, **parameters}
    return await run_chain(events, *CHAIN, servers=[server.address], shapeTags=settings)


async def test_every_jet_gets_its_own_score():
    async with serve() as server:
        report, (two, none) = await tag([TWO_JETS, NO_JET], server)
    assert not report.errors, report.errors
    score, status = two["TopTags"].score, two["TopTags"].status
    assert (status == TagStatus.ok).all()
    assert len(set(score.tolist())) == 2
    assert ((score > 0) & (score <= 1)).all()
    assert len(none["TopTags"]) == 0
    assert two["InferenceRecord"].model == ("toptag_shape",)


async def test_an_event_without_jets_asks_nothing():
    async with serve() as server:
        await tag([NO_JET], server)
        assert server.requests == []


async def test_a_model_trained_on_other_numbers_is_refused_at_the_start():
    other = shape_specification() | {"radius": 0.4}
    async with serve(specification=other) as server:
        report, collected = await tag([TWO_JETS], server)
    assert "radius is 0.4 in training and 0.8 here" in str(report.errors[0])
    assert collected == []


async def test_a_class_that_the_model_does_not_have_is_named():
    async with serve(labels=("a", "b")) as server:
        report, _ = await tag([TWO_JETS], server)
    assert "no class 'top'; its classes are 'a', 'b'" in str(report.errors[0])


@pytest.mark.parametrize("score", [math.nan, -0.1, 1.1])
async def test_a_score_that_is_no_probability_is_none(score):
    async with serve(lambda features: np.full((len(features), 2), score, np.float32)) as server:
        _, (event,) = await tag([TWO_JETS], server)
    assert event["TopTags"].status.tolist() == [TagStatus.invalidScore] * 2
    assert np.isnan(event["TopTags"].score).all()
