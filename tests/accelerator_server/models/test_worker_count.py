"""The processes of devices are counted before any of them runs."""

import pytest

from accelerator_server.config import ServerConfig, parse_override
from accelerator_server.models.worker_count import count_workers
from tests.accelerator_server.model_files import write_model

IN_PROCESSES = 'isolation = "process"\ninstances = '


@pytest.fixture
def repository(tmp_path):
    write_model(tmp_path, "one", keys=IN_PROCESSES + "1")
    write_model(tmp_path, "three", keys=IN_PROCESSES + "3")
    write_model(tmp_path, "three", 2, keys=IN_PROCESSES + "2")
    write_model(tmp_path, "threads")
    return tmp_path


def count(repository, names=(), overrides=(), **server):
    return count_workers(
        repository, names, [parse_override(text) for text in overrides], ServerConfig(**server)
    )


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        (3 + 2, {}),  # while the newest version of `three` is loaded again, its two are there twice
        (6 + 5, {"versions": 2}),
        (1 + 1, {"names": ["one"]}),
        (0, {"names": ["threads"]}),
        (4 + 2, {"isolation": "process"}),
        (5 + 4, {"overrides": ["one.instances=4", "three.instances=1"]}),
        (1 + 1, {"overrides": ["three.isolation=thread"]}),
        (6 + 5, {"overrides": ["three.versions='all'"]}),
        (1 + 1, {"overrides": ["three.versions=[9]"]}),  # it is refused
        (0, {"names": ["nobody"]}),
    ],
)
def test_a_reload_of_the_largest_model_is_counted_with_all_that_run(repository, expected, settings):
    assert count(repository, **settings) == expected


def test_what_will_not_be_served_counts_nothing(repository):
    (repository / "one" / "1" / "model.toml").write_text("nonsense")
    (repository / "notes.txt").touch()
    assert count(repository) == 2 + 2


def test_a_repository_that_is_not_there_has_none(tmp_path):
    assert count(tmp_path / "nowhere") == 0
