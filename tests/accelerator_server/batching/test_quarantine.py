"""Who is suspected, who is guilty, and when both are forgotten."""

import numpy as np
import pytest

from accelerator_server.batching import quarantine
from accelerator_server.batching.model_queue import Job
from accelerator_server.batching.quarantine import Quarantine, digest
from inference_client.protocol.arrays import dense_tensor, sparse_tensor


def job(value: float, name: str = "x") -> Job:
    tensor = dense_tensor(name, np.full((1, 4), value, np.float32))
    return Job(tensors={name: tensor}, n_rows=1, n_bytes=16, result=None)


def values(jobs: list[Job]) -> list[float]:
    return [float(np.frombuffer(one.tensors["x"].data, np.float32)[0]) for one in jobs]


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def suspects(clock) -> Quarantine:
    return Quarantine(clock)


def test_without_suspects_all_run_together(suspects):
    jobs = [job(1), job(2)]
    assert suspects.split(jobs).groups == [jobs]
    assert suspects.is_empty


def test_suspects_run_alone_behind_the_others(suspects):
    assert not suspects.died_with([job(1), job(2)], alone=False)
    split = suspects.split([job(1), job(3), job(2), job(4)])
    assert [values(group) for group in split.groups] == [[3, 4], [1], [2]]
    assert split.refused == []


def test_a_suspect_that_is_answered_is_none_any_more(suspects):
    suspects.died_with([job(1), job(2)], alone=False)
    suspects.survived([job(1)])
    assert [values(group) for group in suspects.split([job(1), job(2), job(3)]).groups] == [[1, 3], [2]]
    suspects.survived([job(2)])
    assert suspects.is_empty


def test_only_a_suspect_that_is_its_own_batch_must_be_alone(suspects):
    assert not suspects.must_be_alone([job(1)])
    suspects.died_with([job(1), job(2)], alone=False)
    assert suspects.must_be_alone([job(1)])
    assert not suspects.must_be_alone([job(3)])
    assert not suspects.must_be_alone([job(1), job(2)])


def test_a_suspect_that_kills_alone_is_guilty(suspects):
    suspects.died_with([job(1), job(2)], alone=False)
    assert suspects.died_with([job(1)], alone=True)
    split = suspects.split([job(1), job(2), job(3)])
    assert values(split.refused) == [1]
    assert [values(group) for group in split.groups] == [[3], [2]]
    assert suspects.n_guilty == 1


def test_who_dies_twice_in_company_stays_a_suspect(suspects):
    assert not suspects.died_with([job(1), job(2)], alone=False)
    assert not suspects.died_with([job(1), job(2)], alone=False)
    assert suspects.n_guilty == 0


def test_suspects_are_forgotten_sooner_than_the_guilty(suspects, clock):
    suspects.died_with([job(1), job(2)], alone=False)
    suspects.died_with([job(1)], alone=True)
    clock.now_s = quarantine.SUSPECT_S + 1
    assert values(suspects.split([job(1), job(2)]).refused) == [1]
    assert values(suspects.split([job(1), job(2)]).groups[0]) == [2]
    clock.now_s = quarantine.QUARANTINE_S + 1
    suspects.split([job(1)])
    assert suspects.is_empty


def test_there_are_never_too_many_records(suspects, monkeypatch):
    monkeypatch.setattr(quarantine, "_MOST_RECORDS", 10)
    suspects.died_with([job(k) for k in range(30)], alone=False)
    assert len(suspects.split([job(k) for k in range(30)]).groups) == 1 + 10


def test_digests_tell_inputs_apart_and_know_them_again():
    sparse = [
        sparse_tensor("x", (4,), np.array([1]), np.array([index]), np.array([value], np.float32))
        for index, value in ((0, 1), (1, 1), (0, 2))
    ]
    jobs = [job(1), job(2), job(1, "z")] + [Job({"x": one}, 1, 0, None) for one in sparse]
    assert len({digest(one) for one in jobs}) == len(jobs)
    assert digest(job(1)) == digest(job(1))
