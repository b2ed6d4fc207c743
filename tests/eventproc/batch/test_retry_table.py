import random

import pytest

from eventproc.batch import errors as batch_errors
from eventproc.batch.retry_table import LONGEST_BACKOFF_S, TABLE, Action, backoff_s, verdict
from eventproc.errors import EventProcError


def subclasses(kind):
    return {kind, *(each for child in kind.__subclasses__() for each in subclasses(child))}


def test_every_error_of_the_framework_has_a_verdict():
    assert batch_errors
    ours = [kind for kind in subclasses(EventProcError) if kind.__module__.startswith("eventproc.")]
    of_generators = {8501}  # CMSSW's EventGenerationFailure, which sources outside of the framework raise
    assert {kind.exit_code for kind in ours} | of_generators <= TABLE.keys()


@pytest.mark.parametrize("code", [8020, 8021, 8028 - 7, 8036, 9000, 8901, 50115, 60307, 60311, 137, 143])
def test_what_may_pass_is_tried_again(code):
    assert verdict(code).action is Action.RETRY


@pytest.mark.parametrize("code", [7000, 7001, 7002, 8001, 8002, 8006, 8009, 8010, 8016, 8023, 4711])
def test_what_would_fail_alike_is_not(code):
    assert verdict(code).action is Action.FATAL


def test_too_little_memory_or_time_is_tried_again_only_with_more():
    assert verdict(50660).action is verdict(8004).action is Action.NEEDS_MEMORY
    assert verdict(50664).action is Action.NEEDS_TIME


def test_jobs_that_failed_together_come_back_apart_and_later_each_time():
    chance = random.Random(1)
    first = [backoff_s(1, 10.0, chance) for _ in range(1000)]
    third = [backoff_s(3, 10.0, chance) for _ in range(1000)]
    assert min(first) >= 5.0
    assert max(first) <= 15.0
    assert len(set(first)) == 1000
    assert sum(third) / sum(first) == pytest.approx(4.0, rel=0.1)
    assert max(backoff_s(30, 10.0, chance) for _ in range(100)) <= 1.5 * LONGEST_BACKOFF_S
