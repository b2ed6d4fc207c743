"""Files with flipped bits and cut ends: reading them is an error, or gives what was written. Never else."""

import random
from dataclasses import dataclass

import numpy as np
import pytest
import uproot

from eventproc.errors import FileOpenError, FileReadError, ProductNotFound
from eventproc.io.writing.tree_writer import TreeWriter
from eventproc.model.product import Product, column
from tests.eventproc.io.tracks import (
    TRACKS,
    Tracks,
    bind_all,
    branch,
    event_id,
    make_source,
    read_all,
    tracks,
)

CODECS = {
    "ZSTD": uproot.ZSTD(1),
    "LZ4": uproot.LZ4(1),
    "ZLIB": uproot.ZLIB(1),
    "LZMA": uproot.LZMA(1),
    "none": None,
}
N_EVENTS = 120


@dataclass(frozen=True, slots=True)
class Noise(Product):
    """What no codec makes smaller."""

    value: object = column(np.float64)


NOISE = branch(Noise, "noise")


def write(path, codec):
    rng = np.random.default_rng(1)
    writer = TreeWriter(path.open("x+b"), (TRACKS, NOISE), [{"name": "GEN"}], CODECS[codec])
    for n in range(N_EVENTS):
        writer.add(event_id(n), (tracks(n), Noise(rng.random(n % 5))))
    writer.finish(complete=True)
    return path.read_bytes()


def flipped(content, rng):
    damaged = bytearray(content)
    damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def cut(content, rng):
    return content[: rng.randrange(len(content))]


def zeroed(content, rng):
    begin = rng.randrange(len(content))
    return content[:begin] + bytes(min(64, len(content) - begin)) + content[begin + 64 :]


async def read(path):
    source = make_source(path, layout="native")
    try:
        bind_all(source, Tracks, Noise)
        return [(event_id, *map(column_bytes, products)) for event_id, *products in await read_all(source)]
    finally:
        source.close()


def column_bytes(product):
    columns = (getattr(product, c.name) for c in product.schema())
    return [each if isinstance(each, tuple) else each.tobytes() for each in columns]


async def outcomes(folder, codec, damage, seed, n):
    """How many damaged files were errors; the others give the events that were written."""
    content = write(folder / "whole.root", codec)
    expected = await read(folder / "whole.root")
    rng, errors = random.Random(seed), 0
    path = folder / "damaged.root"
    for number in range(n):
        path.write_bytes(damage(content, rng))
        try:
            found = await read(path)
        # An error of the user's would send the search for the cause the wrong way.
        except (FileOpenError, FileReadError, ProductNotFound):
            errors += 1
            continue
        assert found == expected, f"number {number} of {damage.__name__} {codec} files"
    print(f"{codec}, {damage.__name__}: {errors} of {n} files refused, the others read as written")
    return errors


def places_of_values(path):
    """The bytes of all baskets: most of such a small file is the description of its tree."""
    with uproot.open(path) as file:
        keys = [branch.basket_key(0) for branch in file["Events"].branches]
        return [
            place
            for key in keys
            for place in range(key.data_cursor.index, key.data_cursor.index + key.data_compressed_bytes)
        ]


async def flip_values(folder, codec, seed, n):
    """How many of so many files with a bit of a value flipped are errors."""
    write(folder / "places.root", codec)
    places = places_of_values(folder / "places.root")

    def flipped_value(content, rng):
        damaged = bytearray(content)
        damaged[rng.choice(places)] ^= 1 << rng.randrange(8)
        return bytes(damaged)

    return await outcomes(folder, codec, flipped_value, seed, n)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, about what damaged numbers overflow
@pytest.mark.parametrize("codec", CODECS)
async def test_a_flipped_bit_is_an_error_or_does_no_harm(tmp_path, sample_seed, codec):
    assert await flip_values(tmp_path, codec, sample_seed, 12) >= 6


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("codec", CODECS)
async def test_three_hundred_flipped_bits_are_errors_or_do_no_harm(tmp_path, sample_seed, codec):
    assert await flip_values(tmp_path, codec, sample_seed, 300) >= 200


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_a_cut_file_is_always_an_error(tmp_path, sample_seed):
    assert await outcomes(tmp_path, "ZSTD", cut, sample_seed, 12) == 12


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("damage", [flipped, cut, zeroed])
@pytest.mark.parametrize("codec", CODECS)
async def test_a_corpus_of_damaged_files_is_refused_or_does_no_harm(tmp_path, sample_seed, codec, damage):
    assert await outcomes(tmp_path, codec, damage, sample_seed, 300)
