"""Measured tiles are remembered; a cache that cannot be used costs nothing but the measurement."""

import pytest

from accelerator_server.backends.opencl.tile_cache import TileCache, default_cache_path
from accelerator_server.backends.opencl.tiling import Problem, Tile

ONE = Problem((3, 3), (1, 1), 16, 4, 4, 56, 56)
OTHER = Problem((1, 1), (2, 2), 16, 4, 8, 28, 28)


def test_tiles_of_a_device_come_back_and_others_are_kept(tmp_path):
    cache = TileCache(tmp_path / "deep" / "tiles.json")
    cache.add("a", {ONE: Tile(1, 7, 4)})
    cache.add("b", {ONE: Tile(1, 4, 1)})
    cache.add("a", {OTHER: Tile(2, 7, 2)})
    assert cache.read("a") == {str(ONE): Tile(1, 7, 4), str(OTHER): Tile(2, 7, 2)}
    assert cache.read("b") == {str(ONE): Tile(1, 4, 1)}
    assert cache.read("c") == {}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["tiles.json"]


@pytest.mark.parametrize("content", [b'{"a": {"p": [1, 2', b'{"\xe9": {}}'])
def test_a_damaged_file_is_as_good_as_none_and_is_replaced(tmp_path, content):
    path = tmp_path / "tiles.json"
    path.write_bytes(content)
    assert TileCache(path).read("a") == {}
    TileCache(path).add("a", {ONE: Tile(1, 7, 4)})
    assert TileCache(path).read("a") == {str(ONE): Tile(1, 7, 4)}


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    TileCache(tmp_path / "file" / "tiles.json").add("a", {ONE: Tile(1, 7, 4)})


def test_it_lies_where_the_user_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_path() == tmp_path / "accelerator_server" / "opencl_tiles.json"
