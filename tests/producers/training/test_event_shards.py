"""Tests of the files that hold generated events."""

import numpy as np
import pytest

from producers.training import event_shards
from producers.training.event_shards import EventShard, generate_shards, read_shard, shard_path, write_arrays


def test_a_file_that_could_not_be_written_leaves_nothing_under_its_name(tmp_path):
    path = tmp_path / "a.npz"
    with pytest.raises(ValueError, match="allow_pickle"):
        write_arrays(path, {"a": np.array([object()])})
    assert not path.exists()


@pytest.mark.requires("samples")
def test_shards_are_made_once_from_their_own_seeds(tmp_path, monkeypatch):
    monkeypatch.setattr(event_shards, "EVENTS_PER_SHARD", 3)
    paths = list(generate_shards(tmp_path, 2))
    assert [path.name for path in paths] == ["QCD-0000.npz", "top-0000.npz", "QCD-0001.npz", "top-0001.npz"]
    contents = {path: path.read_bytes() for path in paths}
    first, second = (read_shard(shard_path(tmp_path, "top", number)) for number in (0, 1))
    assert len(first.hit_counts) == 3
    assert first.hit_counts.sum() == len(first.hit_index) == len(first.hit_energy)
    assert first.hit_energy.min() > 0.25
    assert (np.abs(first.parton_pdg_id) == 6).all()
    assert not np.array_equal(first.hit_energy, second.hit_energy)

    paths[0].unlink()
    times = {path: path.stat().st_mtime_ns for path in paths[1:]}
    assert list(generate_shards(tmp_path, 2)) == paths
    assert {path: path.stat().st_mtime_ns for path in paths[1:]} == times
    again, before = read_shard(paths[0]), np.load(paths[0].parent / paths[0].name)
    assert np.array_equal(again.hit_energy, before["hit_energy"])
    assert len(contents[paths[0]]) == paths[0].stat().st_size


def test_a_shard_is_read_as_it_was_written(tmp_path):
    columns = {
        "hit_counts": np.array([1, 0]),
        "hit_index": np.array([61199], np.uint16),
        "hit_energy": np.array([0.5], np.float32),
        "parton_pdg_id": np.array([[6, -6], [21, 2]], np.int32),
        "parton_eta": np.zeros((2, 2), np.float32),
        "parton_phi": np.ones((2, 2), np.float32),
    }
    write_arrays(tmp_path / "top-0000.npz", columns)
    shard = read_shard(tmp_path / "top-0000.npz")
    assert isinstance(shard, EventShard)
    for name, column in columns.items():
        assert np.array_equal(getattr(shard, name), column), name
