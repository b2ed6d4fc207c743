import numpy as np
import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.event import EventView
from eventproc.model.event_id import EventID
from eventproc.modules.parameters import convert_parameters
from eventproc.services.random_numbers import RandomNumberGeneratorService


def service(**seeds):
    params = convert_parameters(
        RandomNumberGeneratorService.Params, {"initialSeed": 1, **seeds}, "the service"
    )
    return RandomNumberGeneratorService(params)


def event(number=7, lumi=1, run=1, **where):
    at = {"index": 0, "stream": 0} | where
    return EventView(EventID(run, lumi, number), at["index"], at["stream"], n_slots=0)


def drawn(engine, of, n=100):
    return engine.generator(of).random(n).tolist()


def test_an_events_numbers_depend_neither_on_streams_nor_on_order():
    one, other = service().engine("smear"), service().engine("smear")
    forward = [drawn(one, event(n, stream=n % 3)) for n in range(5)]
    backward = [drawn(other, event(n, index=n, stream=0)) for n in reversed(range(5))]
    assert forward == backward[::-1]


@pytest.mark.parametrize("other", [event(8), event(lumi=2), event(run=2), event(number=1, lumi=7)])
def test_every_event_has_numbers_of_its_own(other):
    engine = service().engine("smear")
    assert not set(drawn(engine, event())) & set(drawn(engine, other))


def test_modules_have_numbers_of_their_own_and_so_have_seeds():
    mine = set(drawn(service().engine("smear"), event()))
    assert not mine & set(drawn(service().engine("noise"), event()))
    assert not mine & set(drawn(service(initialSeed=2).engine("smear"), event()))
    seeded = service(moduleSeeds={"smear": 2})
    assert drawn(seeded.engine("smear"), event()) == drawn(service(initialSeed=2).engine("smear"), event())
    assert drawn(seeded.engine("noise"), event()) == drawn(service().engine("noise"), event())


def test_numbers_stay_the_same_from_version_to_version():
    assert drawn(service().engine("smear"), event(), 2) == [0.888679815544425, 0.34071712392237874]


def test_numbers_of_many_events_are_uniform_together():
    engine = service().engine("smear")
    values = np.concatenate([engine.generator(event(n)).random(10) for n in range(1000)])
    counts, _ = np.histogram(values, bins=20, range=(0, 1))
    # 19 degrees of freedom: larger once in a million samples, and the sample is fixed.
    assert ((counts - 500) ** 2 / 500).sum() < 63.0


def test_a_seed_for_a_module_that_does_not_ask_offers_the_near_one():
    wrong = service(moduleSeeds={"smaer": 2})
    wrong.engine("smear")
    with pytest.raises(ConfigurationError, match=r"'smaer'.*did you mean 'smear'"):
        wrong.begin_job(None)


def test_the_report_names_the_seeds():
    seeded = service(moduleSeeds={"smear": 2})
    seeded.engine("smear"), seeded.engine("noise")
    assert seeded.report() == {"seeds": {"smear": 2, "noise": 1}}
