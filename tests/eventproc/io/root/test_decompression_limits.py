"""Small files that would be large: refused before the memory is taken."""

import lzma
import tracemalloc
import zlib

import cramjam
import numpy as np
import pytest
import uproot

from eventproc.errors import FileReadError
from eventproc.io.root import decompression_limits
from eventproc.io.root.root_file import RootFile

N = 200_000


def write_zeros(path, codec):
    """A basket of 1.6 MB that is a few kB on the disk."""
    with uproot.recreate(path, compression=codec) as file:
        file.mktree("Events", {"x": "int64"}).extend({"x": np.zeros(N, np.int64)})
    return path


def read(path, stop=N):
    with RootFile(str(path)) as file:
        return file.tree("Events").read("x", 0, stop).content


CODECS = {"ZSTD": uproot.ZSTD(1), "ZLIB": uproot.ZLIB(1), "LZMA": uproot.LZMA(1), "LZ4": uproot.LZ4(1)}


@pytest.mark.parametrize("codec", CODECS)
def test_what_fits_is_read_whatever_the_codec(tmp_path, codec):
    assert not read(write_zeros(tmp_path / "a.root", CODECS[codec])).any()


@pytest.mark.parametrize("codec", CODECS)
def test_a_basket_larger_than_allowed_is_refused(tmp_path, codec, monkeypatch):
    monkeypatch.setattr(decompression_limits, "OBJECT_BYTES", 1_000_000)
    path = write_zeros(tmp_path / "a.root", CODECS[codec])
    with pytest.raises(FileReadError, match=r"'x', entries 0 to 199999, .*decompress to 16\d{5} bytes"):
        read(path)


def test_many_baskets_larger_than_allowed_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(decompression_limits, "READING_BYTES", 5_000_000)
    path = tmp_path / "a.root"
    with uproot.recreate(path, compression=uproot.ZSTD(1)) as file:
        tree = file.mktree("Events", {"x": "int64"})
        for _ in range(4):
            tree.extend({"x": np.zeros(N, np.int64)})
    assert len(read(path, 3 * N)) == 3 * N
    with pytest.raises(FileReadError, match="together its baskets"):
        read(path, 4 * N)


BOMBS = {
    "ZSTD": cramjam.zstd.compress,
    "ZLIB": zlib.compress,
    "LZMA": lambda zeros: lzma.compress(zeros, preset=0),
}


@pytest.mark.parametrize("codec", BOMBS)
def test_a_block_that_is_larger_than_its_header_says_takes_no_memory(tmp_path, codec):
    path = tmp_path / "a.root"
    noise = np.random.default_rng(1).integers(0, 2**16, N)
    with uproot.recreate(path, compression=CODECS[codec]) as file:
        file.mktree("Events", {"x": "int64"}).extend({"x": noise})
    with uproot.open(path) as file:
        begin = file["Events/x"].basket_key(0).data_cursor.index
    content = bytearray(path.read_bytes())
    bomb = bytes(BOMBS[codec](bytes(40_000_000)))
    room = int.from_bytes(content[begin + 3 : begin + 6], "little")
    assert len(bomb) < room, "the bomb takes the place of the noise"
    content[begin + 9 : begin + 9 + len(bomb)] = bomb
    path.write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(FileReadError, match=r"a\.root"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
