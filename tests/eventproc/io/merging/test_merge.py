import asyncio
import json
import shutil
from dataclasses import replace

import pytest
import uproot

from eventproc.errors import (
    ConfigurationError,
    FileOpenError,
    FileReadError,
    FileWriteError,
    MismatchedInputFiles,
)
from eventproc.io.format.level_tree import LevelRows
from eventproc.io.format.publication import checksums
from eventproc.io.merging.merge import merge_files
from eventproc.io.merging.merge_part import Part
from eventproc.io.reading.opened_file import open_native
from eventproc.io.writing.tree_writer import TreeWriter
from eventproc.model.transition import BranchType
from tests.eventproc.io.tracks import (
    NUMBERS,
    TRACKS,
    Numbers,
    Tracks,
    bind_all,
    event_id,
    make_source,
    numbers,
    read_all,
    same,
    tracks,
    write_file,
)


def parts_of(folder, *sizes):
    first, found = 0, []
    for n, size in enumerate(sizes):
        found.append(write_file(folder / f"{n}.root", size, first=first))
        first += size
    return found


def merged(files, output, **known):
    return merge_files([Part(str(file), **known) for file in files], output)


def events_of(path):
    async def read():
        source = make_source(path)
        bind_all(source, Tracks, Numbers)
        try:
            return await read_all(source)
        finally:
            source.close()

    return asyncio.run(read())


@pytest.mark.parametrize("sizes", [(5,), (3, 0, 4), (0, 0), (1500, 700, 1), (1,) * 30])
def test_the_events_of_all_parts_come_in_order_and_unchanged(tmp_path, sizes):
    result = merged(parts_of(tmp_path, *sizes), tmp_path / "all.root")
    assert result.events == sum(sizes)
    events = events_of(tmp_path / "all.root")
    assert [event[0] for event in events] == [event_id(n) for n in range(sum(sizes))]
    for n, (_, some_tracks, some_numbers) in enumerate(events):
        assert same(some_tracks, tracks(n)), n
        assert same(some_numbers, numbers(n)), n


def test_a_merged_file_has_the_digests_of_one_that_was_written_at_once(tmp_path):
    merged(parts_of(tmp_path, 1200, 40, 7), tmp_path / "all.root")
    once = write_file(tmp_path / "once.root", 1247)
    digests = []
    for path in (tmp_path / "all.root", once):
        with uproot.open(path) as file:
            digests.append(json.loads(str(file["eventproc"]))["completion"]["crc32"])
    assert digests[0] == digests[1]


def presence_of(path):
    with open_native(str(path)) as file:
        return file.metadata.presence, file.presence(TRACKS, 0, file.n_entries)


@pytest.mark.parametrize("again", [False, True])
def test_parts_that_lack_a_product_in_some_events_are_merged_with_parts_that_do_not(tmp_path, again):
    lacking = {0, 1500, *range(1240, 1246)}
    files = [
        write_file(tmp_path / f"{first}-{size}.root", size, first=first, lacking=lacking)
        for first, size in ((0, 1200), (1200, 40), (1240, 6), (1246, 0), (1246, 700))
    ]
    if again:
        merged(files[1:3], tmp_path / "some.root")
        files[1:3] = [tmp_path / "some.root"]
    merged(files, tmp_path / "all.root")
    once = write_file(tmp_path / "once.root", 1946, lacking=lacking)
    (digests, present), (expected, _) = presence_of(tmp_path / "all.root"), presence_of(once)
    assert digests == expected
    assert present.tolist() == [n not in lacking for n in range(1946)]


def test_what_one_part_has_of_a_luminosity_block_and_another_lacks_is_in_the_merged_file(tmp_path):
    branches = [replace(b, branch_type=BranchType.InLumi) for b in (TRACKS, NUMBERS)]
    for name, row in (("a", [tracks(1), None]), ("b", [None, numbers(2)]), ("c", [tracks(1), None])):
        rows = LevelRows(BranchType.InLumi, branches)
        rows.add((1, 1), row)
        rows.add((1, 2), [tracks(3), None])
        writer = TreeWriter((tmp_path / f"{name}.root").open("x+b"), [], [], uproot.ZSTD(1))
        writer.finish(complete=True, levels={BranchType.InLumi: rows})
    merged([tmp_path / f"{name}.root" for name in "abc"], tmp_path / "all.root")
    with open_native(str(tmp_path / "all.root")) as file:
        found, other = (file.levels[branch] for branch in branches)
    assert same(found[1, 1], tracks(1))
    assert same(found[1, 2], tracks(3))
    assert list(other) == [(1, 1)]
    assert same(other[1, 1], numbers(2))


def test_a_merged_file_can_be_merged_again(tmp_path):
    files = parts_of(tmp_path, 10, 20, 30)
    merged(files[:2], tmp_path / "some.root")
    assert merged([tmp_path / "some.root", files[2]], tmp_path / "all.root").events == 60


def test_many_small_parts_become_few_baskets(tmp_path):
    merged(parts_of(tmp_path, *[50] * 30), tmp_path / "all.root")
    with uproot.open(tmp_path / "all.root") as file:
        assert file["Events/run"].num_baskets == 2


def nothing_was_written(folder):
    return not [path.name for path in folder.iterdir() if "all.root" in path.name]


@pytest.mark.parametrize("at", [0, 1, 2])
def test_a_missing_part_leaves_no_output(tmp_path, at):
    files = parts_of(tmp_path, 10, 20, 30)
    files[at].unlink()
    with pytest.raises(FileOpenError, match=f"{at}.root"):
        merged(files, tmp_path / "all.root")
    assert nothing_was_written(tmp_path)


def test_a_partial_part_is_refused(tmp_path):
    whole, partial = write_file(tmp_path / "a.root", 10), write_file(tmp_path / "b.root", 5, complete=False)
    with pytest.raises(FileOpenError, match=r"b\.root' is incomplete"):
        merged([whole, partial], tmp_path / "all.root")
    assert nothing_was_written(tmp_path)


def test_a_part_of_another_size_than_its_job_said_is_refused(tmp_path):
    (part,) = parts_of(tmp_path, 10)
    with pytest.raises(FileReadError, match="holds 10 events and its job wrote 11"):
        merged([part], tmp_path / "all.root", events=11)


def test_a_part_that_was_exchanged_is_refused(tmp_path):
    (part,) = parts_of(tmp_path, 10)
    known = checksums(part)["sha256"]
    merged([part], tmp_path / "good.root", sha256=known)
    write_file(tmp_path / "other.root", 10, first=1)
    shutil.copy(tmp_path / "other.root", part)
    with pytest.raises(FileReadError, match="is not what its job wrote"):
        merged([part], tmp_path / "all.root", sha256=known)


def test_flipped_bits_are_found_without_any_manifest(tmp_path):
    (part,) = parts_of(tmp_path, 3000)
    content = bytearray(part.read_bytes())
    found = 0
    for place in range(2000, len(content) - 2000, len(content) // 25):
        damaged = bytearray(content)
        damaged[place] ^= 0x10
        part.write_bytes(damaged)
        try:
            merged([part], tmp_path / "all.root")
        except (FileOpenError, FileReadError):
            found += 1
            assert nothing_was_written(tmp_path)
        else:
            events = events_of(tmp_path / "all.root")
            assert all(same(event[1], tracks(n)) for n, event in enumerate(events))
            (tmp_path / "all.root").unlink()
    assert found


def test_parts_with_other_products_or_of_another_process_are_refused(tmp_path):
    first = write_file(tmp_path / "a.root", 3)
    fewer = write_file(tmp_path / "b.root", 3, branches=(TRACKS,))
    with pytest.raises(MismatchedInputFiles, match="Numbers_numbers_odd_GEN"):
        merged([first, fewer], tmp_path / "all.root")
    other = write_file(tmp_path / "c.root", 3, branches=(TRACKS, NUMBERS), process="OTHER")
    with pytest.raises(MismatchedInputFiles, match="another configuration"):
        merged([first, other], tmp_path / "all.root")


def test_an_output_that_exists_is_left_alone(tmp_path):
    (part,) = parts_of(tmp_path, 3)
    (tmp_path / "all.root").write_text("mine")
    with pytest.raises(ConfigurationError, match="exists"):
        merged([part], tmp_path / "all.root")
    assert (tmp_path / "all.root").read_text() == "mine"
    assert merge_files([Part(str(part))], tmp_path / "all.root", overwrite=True).events == 3


def test_nothing_and_nowhere_are_refused(tmp_path):
    with pytest.raises(FileOpenError, match="no parts"):
        merge_files([], tmp_path / "all.root")
    with pytest.raises(FileWriteError, match="does not exist"):
        merged(parts_of(tmp_path, 1), tmp_path / "no" / "all.root")
