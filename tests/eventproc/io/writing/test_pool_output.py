import dataclasses
import errno
import hashlib
import json
import multiprocessing
import os
import resource
import signal
import stat
import subprocess
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pytest
import uproot

from eventproc.errors import ConfigurationError, FileWriteError, LogicError
from eventproc.io.format.file_metadata import METADATA_KEY
from eventproc.io.format.publication import Publication
from eventproc.io.reading.opened_file import open_native
from eventproc.model.branch import BranchDescription
from eventproc.model.event_id import LuminosityBlockID
from eventproc.model.principal import LuminosityBlock, Run
from eventproc.model.product import ColumnSchema, product_class
from eventproc.model.transition import BranchType
from tests.eventproc.io.tracks import (
    NUMBERS,
    TRACKS,
    Numbers,
    Tracks,
    bind_all,
    event_id,
    make_output,
    make_source,
    numbers,
    process,
    read_all,
    same,
    token,
    tracks,
    view,
    write_file,
)
from tests.eventproc.io.tracks_output import BRANCHES, fill, opened


def run(output, n_events):
    output.open(process(), BRANCHES, ())
    return fill(output, n_events).close()


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def metadata_of(path):
    with uproot.open(path) as file:
        return json.loads(file[METADATA_KEY])


@pytest.mark.parametrize("n_events", [0, 1, 1000, 2500])
async def test_what_is_written_is_read_back_by_the_source(tmp_path, n_events):
    record = fill(opened(tmp_path / "o.root"), n_events).close()
    assert (record.events, record.complete) == (n_events, True)
    source = make_source(tmp_path / "o.root", process="NEXT")
    found = source.branches()
    assert list(found) == [TRACKS, NUMBERS]
    source.bind([])
    assert [event[0] for event in await read_all(source)] == [event_id(n) for n in range(n_events)]
    source.close()


def test_a_file_that_lost_events_on_its_way_to_the_disk_is_not_published(tmp_path, monkeypatch):
    short = write_file(tmp_path / "short.root", 2).read_bytes()
    complete = Publication.complete

    def lose_an_event(publication):
        complete(publication)
        publication.temporary.write_bytes(short)

    monkeypatch.setattr(Publication, "complete", lose_an_event)
    with pytest.raises(FileWriteError, match="2 of 3 events read back"):
        fill(opened(tmp_path / "o.root"), 3).close()
    assert not (tmp_path / "o.root").exists()


def test_a_luminosity_block_without_any_of_the_kept_products_is_no_row(tmp_path):
    kept = dataclasses.replace(NUMBERS, branch_type=BranchType.InLumi)
    output = make_output(tmp_path / "o.root")
    output.keep_levels([(kept, token(Numbers, "numbers", 0))])
    output.open(process(), (), ())
    for lumi, product in ((1, None), (2, numbers(2))):
        block = LuminosityBlock(LuminosityBlockID(1, lumi), Run(1, 1), 1, lambda _, found=product: found)
        output.write_luminosity_block(block)
    output.close()
    with uproot.open(tmp_path / "o.root") as file:
        assert file["LuminosityBlocks/luminosityBlock"].array().tolist() == [2]


def test_the_record_says_what_the_report_needs(tmp_path):
    path = tmp_path / "o.root"
    record = fill(opened(path), 150).close()
    content = path.read_bytes()
    assert record.pfn == str(path)
    assert (record.label, record.module_class) == ("out", "PoolOutputModule")
    assert record.size_bytes == len(content)
    assert record.checksum == {
        "adler32": f"{zlib.adler32(content):08x}",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    assert record.branches == ("Tracks_tracks__GEN", "Numbers_numbers_odd_GEN")
    assert record.runs_and_lumis == ((1, 1, 100), (1, 2, 50))


def test_provenance_goes_on(tmp_path):
    fill(opened(tmp_path / "o.root", history=[{"name": "GEN"}]), 1).close()
    processes = metadata_of(tmp_path / "o.root")["processes"]
    assert [p["name"] for p in processes] == ["GEN", "TEST"]
    assert processes[1]["id"] == process().id
    assert processes[1]["configuration"]["source"]["parameters"] == {"x": 1}


def test_the_file_says_that_it_is_complete(tmp_path):
    fill(opened(tmp_path / "o.root"), 7).close()
    completion = metadata_of(tmp_path / "o.root")["completion"]
    assert (completion["complete"], completion["nEvents"]) == (True, 7)


def test_of_a_product_that_is_missing_columns_hold_nothing_and_the_file_says_so(tmp_path):
    output = opened(tmp_path / "o.root")
    output.write(view(0, None, numbers(5)))
    output.write(view(1, tracks(1), None))
    output.close()
    with uproot.open(tmp_path / "o.root") as file:
        events, presence = file["Events"].arrays(), file["EventsPresence"].arrays()
    assert events["ntracks"].tolist() == [0, 1]
    assert events["tracks_vertexZ"].tolist() == [0, 1]
    assert events["nnumbers_odd"].tolist() == [2, 0]
    assert presence.to_list() == [
        {"Tracks_tracks__GEN": False, "Numbers_numbers_odd_GEN": True},
        {"Tracks_tracks__GEN": True, "Numbers_numbers_odd_GEN": False},
    ]


async def test_a_product_that_is_missing_is_missing_for_the_next_job(tmp_path):
    output = opened(tmp_path / "o.root")
    made = [(None if n % 3 else tracks(n), None if n == 1400 else numbers(n)) for n in range(2500)]
    for n, products in enumerate(made):
        output.write(view(n, *products))
    output.close()
    source = make_source(tmp_path / "o.root", process="NEXT")
    bind_all(source, Tracks, Numbers)
    for n, (_, *found) in enumerate(await read_all(source)):
        assert [each is None for each in found] == [each is None for each in made[n]]
        assert all(same(a, b) for a, b in zip(found, made[n], strict=True) if a is not None)
    source.close()


def test_a_file_in_which_nothing_is_missing_says_nothing(tmp_path):
    fill(opened(tmp_path / "o.root"), 3).close()
    with uproot.open(tmp_path / "o.root") as file:
        assert sorted(file.keys(cycle=False, recursive=False)) == ["Events", "eventproc"]
    assert "presence" not in metadata_of(tmp_path / "o.root")


def test_a_partial_output_says_what_is_missing(tmp_path):
    output = opened(tmp_path / "o.root")
    output.write(view(0, None, numbers(0)))
    record = output.abandon(keep_partial=True)
    with open_native(record.pfn) as file:
        assert file.presence(TRACKS, 0, 1).tolist() == [False]
        assert file.presence(NUMBERS, 0, 1) is None


def test_output_commands_select(tmp_path):
    output = make_output(tmp_path / "o.root", outputCommands=["drop *", "keep Tracks_*_*_*"])
    assert [output.select(branch) for branch in (TRACKS, NUMBERS)] == [True, False]


def test_a_bad_output_command_is_a_configuration_error(tmp_path):
    with pytest.raises(ConfigurationError, match="'drop Tracks'"):
        make_output(tmp_path / "o.root", outputCommands=["drop Tracks"])


@pytest.mark.parametrize(
    ("codec", "mark"), [("ZSTD", b"ZS"), ("LZ4", b"L4"), ("ZLIB", b"ZL"), ("LZMA", b"XZ")]
)
def test_every_codec_compresses_and_reads_back(tmp_path, codec, mark):
    path = tmp_path / "o.root"
    fill(opened(path, compressionAlgorithm=codec, compressionLevel=4), 1000).close()
    with uproot.open(path) as file:
        branch = file["Events/tracks_charge"]
        begin = branch.basket_key(0).data_cursor.index
        assert path.read_bytes()[begin : begin + 2] == mark
        assert branch.compressed_bytes < branch.uncompressed_bytes
        assert file["Events/tracks_vertexZ"].array().tolist() == list(range(1000))


def test_an_unknown_codec_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="compressionAlgorithm = 'ZIP'"):
        make_output(tmp_path / "o.root", compressionAlgorithm="ZIP")


# --- nothing under the final name unless complete ---


def test_until_it_is_closed_there_is_no_file_of_the_final_name(tmp_path):
    output = fill(opened(tmp_path / "o.root"), 2500)
    temporary, lock = f".o.root.tmp-{os.uname().nodename}-{os.getpid()}", ".o.root.lock"
    assert names(tmp_path) == sorted([temporary, lock])
    output.close()
    assert names(tmp_path) == ["o.root"]


def test_an_abandoned_output_leaves_nothing(tmp_path):
    record = fill(opened(tmp_path / "o.root"), 1500).abandon(keep_partial=False)
    assert names(tmp_path) == []
    assert (record.complete, record.events, record.pfn) == (False, 0, str(tmp_path / "o.root"))


def test_a_partial_output_holds_what_was_written_and_says_so(tmp_path):
    record = fill(opened(tmp_path / "o.root"), 1500).abandon(keep_partial=True)
    assert names(tmp_path) == ["o.partial.root"]
    assert (record.complete, record.events, record.pfn) == (False, 1500, str(tmp_path / "o.partial.root"))
    assert metadata_of(tmp_path / "o.partial.root")["completion"]["complete"] is False
    with open_native(record.pfn) as file:
        assert file.event_ids(0, 1500)[-1] == event_id(1499)


def test_abandoning_twice_or_before_opening_does_no_harm(tmp_path):
    output = make_output(tmp_path / "o.root")
    assert output.abandon(keep_partial=True).complete is False
    output.open(process(), BRANCHES, ())
    output.abandon(keep_partial=False)
    output.abandon(keep_partial=True)
    assert names(tmp_path) == []


@pytest.mark.parametrize(("number", "is_written"), [(errno.EINVAL, True), (errno.EIO, False)])
def test_a_file_system_that_syncs_no_folders_is_no_disk_that_refuses(
    tmp_path, monkeypatch, number, is_written
):
    fsync = os.fsync

    def refuses_folders(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuses_folders)
    output = fill(opened(tmp_path / "o.root"), 10)
    with nullcontext() if is_written else pytest.raises(FileWriteError):
        assert output.close().complete


def test_an_existing_output_is_refused_and_stays(tmp_path):
    (tmp_path / "o.root").write_bytes(b"years of work")
    with pytest.raises(ConfigurationError, match="overwrite=True"):
        opened(tmp_path / "o.root")
    assert (tmp_path / "o.root").read_bytes() == b"years of work"
    assert names(tmp_path) == ["o.root"]


def test_an_output_to_be_replaced_stays_until_the_new_one_is_complete(tmp_path):
    (tmp_path / "o.root").write_bytes(b"old")
    output = fill(opened(tmp_path / "o.root", overwrite=True), 3)
    assert (tmp_path / "o.root").read_bytes() == b"old"
    output.close()
    assert metadata_of(tmp_path / "o.root")["completion"]["nEvents"] == 3


def test_an_output_that_was_not_replaced_stays(tmp_path):
    (tmp_path / "o.root").write_bytes(b"old")
    fill(opened(tmp_path / "o.root", overwrite=True), 3).abandon(keep_partial=False)
    assert (tmp_path / "o.root").read_bytes() == b"old"


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path):
    output = fill(opened(tmp_path / "o.root"), 3)
    (tmp_path / "o.root").write_bytes(b"of another job")
    with pytest.raises(FileWriteError, match=r"appeared while this job ran.*o\.partial\.root"):
        output.close()
    assert output.abandon(keep_partial=False).complete is False
    assert (tmp_path / "o.root").read_bytes() == b"of another job"
    assert names(tmp_path) == ["o.partial.root", "o.root"]


@pytest.fixture
def no_hard_links(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)


def test_a_file_system_without_hard_links_will_do(tmp_path, no_hard_links):
    assert fill(opened(tmp_path / "o.root"), 3).close().complete
    assert names(tmp_path) == ["o.root"]


def test_nor_is_a_file_replaced_there(tmp_path, no_hard_links):
    output = fill(opened(tmp_path / "o.root"), 3)
    (tmp_path / "o.root").write_bytes(b"of another job")
    with pytest.raises(FileWriteError, match="appeared while this job ran"):
        output.close()
    assert names(tmp_path) == ["o.partial.root", "o.root"]


def test_two_jobs_cannot_write_one_output(tmp_path):
    first = opened(tmp_path / "o.root")
    with pytest.raises(
        ConfigurationError, match=r"another job, or another output of this one, is writing .*o.root"
    ):
        opened(tmp_path / "o.root")
    fill(first, 3).close()
    assert metadata_of(tmp_path / "o.root")["completion"]["nEvents"] == 3


def test_two_outputs_in_one_folder_do_not_disturb_each_other(tmp_path):
    both = [opened(tmp_path / "o.root"), opened(tmp_path / "o.root.root")]
    for output in both:
        assert fill(output, 3).close().complete
    assert names(tmp_path) == ["o.root", "o.root.root"]


KILLED = """
import os, signal, sys
from pathlib import Path
from tests.eventproc.io.writing.test_pool_output import fill, opened
fill(opened(Path(sys.argv[1])), 2500)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_job_leaves_no_output_and_does_not_hinder_the_next(tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "o.root"], cwd=Path(__file__).parents[4], timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "o.root").exists()
    assert any(name.startswith(".o.root.tmp-") for name in names(tmp_path))
    fill(opened(tmp_path / "o.root"), 3).close()
    assert names(tmp_path) == ["o.root"]


# --- what cannot be written ---


def test_a_missing_folder_is_a_write_error(tmp_path):
    with pytest.raises(FileWriteError, match="nowhere' does not exist"):
        opened(tmp_path / "nowhere" / "o.root")


def test_a_file_in_the_place_of_the_folder_is_a_write_error(tmp_path):
    (tmp_path / "folder").touch()
    with pytest.raises(FileWriteError, match=r"folder/o\.root.*is not a folder"):
        opened(tmp_path / "folder" / "o.root")


def test_a_folder_of_the_final_name_is_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="is a folder"):
        opened(tmp_path)


def test_a_url_cannot_be_written():
    with pytest.raises(FileWriteError, match="only local files"):
        opened("root://server//o.root")


@contextmanager
def small_disk(limit_bytes):
    """No file of this process may grow beyond a size; Python ignores the signal for it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.fixture(scope="module")
def other_process():
    """Where limits hold for nothing else: the output of pytest, and of libraries, may go to files."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield lambda work, *arguments: pool.submit(work, *arguments).result()


def fill_a_small_disk(path, limit_bytes):
    output = make_output(path)
    with small_disk(limit_bytes), pytest.raises(FileWriteError, match=r"o\.root': File too large"):
        run(output, 4000)
    return output.abandon(keep_partial=True)


def abandon_on_a_small_disk(path):
    output = fill(opened(path), 999)
    with small_disk(5_000):
        return output.abandon(keep_partial=True)


@pytest.mark.parametrize("limit_bytes", [0, 100, 1000, 5_000, 20_000, 40_000, 60_000])
def test_a_full_disk_is_a_write_error_and_leaves_nothing(tmp_path, other_process, limit_bytes):
    assert other_process(fill_a_small_disk, tmp_path / "o.root", limit_bytes).complete is False
    assert names(tmp_path) == []


def test_a_partial_file_for_which_there_is_no_space_is_removed(tmp_path, other_process):
    assert other_process(abandon_on_a_small_disk, tmp_path / "o.root").complete is False
    assert names(tmp_path) == []


def test_a_type_that_no_tree_can_hold_is_refused_before_the_first_event(tmp_path):
    schema = (ColumnSchema("x", "float16"),)
    half = BranchDescription("Half", "half", "", "TEST", schema)
    output = make_output(tmp_path / "o.root")
    with pytest.raises(LogicError, match=r"'x' of Half_half__TEST is float16"):
        output.open(process(), [(half, token(product_class("Half", schema), "half", 0))], ())
    assert names(tmp_path) == []


def test_a_column_of_another_type_is_not_cast_in_silence(tmp_path):
    output = opened(tmp_path / "o.root")
    wrong = Numbers(np.array([300], np.int64))
    output.write(view(0, tracks(0), wrong))
    with pytest.raises(LogicError, match="'numbers_odd_value' are int64, not int32"):
        output.close()
    output.abandon(keep_partial=True)
    assert names(tmp_path) == []


def test_columns_of_different_lengths_are_refused(tmp_path):
    schema = (ColumnSchema("a", "int32"), ColumnSchema("b", "int32"))
    pair = product_class("Pair", schema)
    output = make_output(tmp_path / "o.root")
    described = BranchDescription("Pair", "pair", "", "TEST", schema)
    output.open(process(), [(described, token(pair, "pair", 0))], ())
    output.write(view(0, pair(np.zeros(2, np.int32), np.zeros(3, np.int32))))
    with pytest.raises(LogicError, match="'pair_b' got 3 rows; its axis has 2"):
        output.close()
    output.abandon(keep_partial=False)


def test_writing_before_opening_is_a_mistake_of_the_caller(tmp_path):
    with pytest.raises(LogicError, match="not open"):
        fill(make_output(tmp_path / "o.root"), 1)


async def test_a_copy_of_a_copy_is_the_same(tmp_path):
    write_file(tmp_path / "a.root", 1200)
    for source_name, target, name in (("a.root", "b.root", "B"), ("b.root", "c.root", "C")):
        await copy(tmp_path / source_name, tmp_path / target, name)
    first, last = metadata_of(tmp_path / "a.root"), metadata_of(tmp_path / "c.root")
    assert last["completion"] == first["completion"]
    assert last["products"] == first["products"]
    assert last["dictionaries"] == first["dictionaries"]
    assert [p["name"] for p in last["processes"]] == ["GEN", "B", "C"]


async def copy(source_path, target, name):
    source, output = make_source(source_path, process=name), make_output(target)
    bind_all(source, Tracks, Numbers)
    output.open(process(name), BRANCHES, source.history())
    for n, (_, some_tracks, some_numbers) in enumerate(await read_all(source)):
        assert same(some_tracks, tracks(n))
        output.write(view(n, some_tracks, some_numbers))
    output.close()
    source.close()
