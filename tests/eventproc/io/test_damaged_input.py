"""Files with flipped bits: whatever happens, it is an error of the framework, or the digest finds it."""

import random

import pytest

from eventproc.errors import EventProcError, FileOpenError, FileReadError, ProductNotFound
from eventproc.io.native_layout import NativeLayout
from eventproc.io.root_file import RootFile
from tests.eventproc.io.tracks import Numbers, Tracks, bind_all, make_source, read_all, write_file


async def check_flips(folder, seed, n_flips):
    whole = write_file(folder / "whole.root", 120).read_bytes()
    expected = await read(folder / "whole.root")
    rng = random.Random(seed)
    outcomes = set()
    for _ in range(n_flips):
        position, bit = rng.randrange(len(whole)), rng.randrange(8)
        content = bytearray(whole)
        content[position] ^= 1 << bit
        path = folder / "flipped.root"
        path.write_bytes(content)
        try:
            found = await read(path)
        # An error of the user's would send the search for the cause the wrong way.
        except (FileOpenError, FileReadError, ProductNotFound):
            outcomes.add("error")
            continue
        if found != expected:
            assert is_found_by_digest(path), (position, bit)
            outcomes.add("digest")
    return outcomes


async def read(path):
    source = make_source(path, layout="native")
    try:
        bind_all(source, Tracks, Numbers)
        return [
            (event_id, *(column_bytes(p) for p in products)) for event_id, *products in await read_all(source)
        ]
    finally:
        source.close()


def column_bytes(product):
    columns = (getattr(product, c.name) for c in product.schema())
    return [column if isinstance(column, tuple) else column.tobytes() for column in columns]


def is_found_by_digest(path):
    with RootFile(str(path)) as file:
        try:
            return bool(NativeLayout(NativeLayout.Params()).open(file).damaged_branches())
        except EventProcError:
            return True


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, about what damaged numbers overflow
async def test_a_flipped_bit_is_an_error_or_found_by_the_digest(tmp_path, sample_seed):
    assert await check_flips(tmp_path, sample_seed, 60)


@pytest.mark.soak
@pytest.mark.timeout(1200)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
async def test_many_flipped_bits_are_errors_or_found_by_the_digest(tmp_path, sample_seed):
    assert await check_flips(tmp_path, sample_seed, 5000)
