import json

import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

from eventproc.errors import FileOpenError, FileReadError, ProductNotFound
from eventproc.io.format.column_buffer import STORABLE, crc32
from eventproc.io.format.file_metadata import METADATA_KEY, decode_metadata, seal
from eventproc.io.reading.layout_conformance import LayoutConformance
from eventproc.io.reading.native_layout import NativeLayout
from eventproc.io.root.root_file import NotInFile, RootFile
from eventproc.io.writing.tree_writer import TreeWriter
from eventproc.model.product import ColumnSchema, product_class
from tests.eventproc.io.tracks import (
    NUMBERS,
    TRACKS,
    Numbers,
    Tracks,
    branch,
    event_id,
    numbers,
    same,
    tracks,
    write_file,
)


def layout():
    return NativeLayout(NativeLayout.Params())


class TestNativeLayout(LayoutConformance):
    def make_layout(self):
        return layout()

    def make_file(self, folder):
        return write_file(folder / "a.root", 2500, lacking={1, 2, 1700})


def metadata_of(path):
    with uproot.open(path) as file:
        metadata = json.loads(file[METADATA_KEY])
    del metadata["metadataCrc32"]
    return metadata


def rewrite(path, metadata):
    """Puts another metadata text into a file, as a newer cycle of the same key."""
    with uproot.update(path) as file:
        file[METADATA_KEY] = seal(json.dumps(metadata))
    return path


def read_products(opened, description, product_type, n):
    columns = opened.read(description, [c.name for c in product_type.schema()], 0, n)
    for i in range(n):
        yield product_type(*(c.content[c.offsets[i] : c.offsets[i + 1]] for c in columns))


@pytest.mark.parametrize("n_events", [1, 999, 1000, 1001, 2500])
def test_what_is_written_is_read_back_exactly(tmp_path, n_events):
    with RootFile(str(write_file(tmp_path / "a.root", n_events))) as file:
        opened = layout().open(file)
        assert opened.event_ids(0, n_events) == [event_id(n) for n in range(n_events)]
        for n, product in enumerate(read_products(opened, TRACKS, Tracks, n_events)):
            assert same(product, tracks(n)), n
        for n, product in enumerate(read_products(opened, NUMBERS, Numbers, n_events)):
            assert same(product, numbers(n)), n


def round_trip(path, product_type, products):
    """Writes products, one per event, and yields them as read back."""
    described = branch(product_type, "x")
    writer = TreeWriter(path.open("x+b"), [described], [], uproot.ZSTD(1))
    for n, product in enumerate(products):
        writer.add(event_id(n), (product,))
    writer.finish(complete=True)
    with RootFile(str(path)) as file:
        yield from read_products(layout().open(file), described, product_type, len(products))


def extremes(dtype):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return np.array([True, False, True])
    if kind == "f":
        limits = np.finfo(dtype)
        return np.array([limits.min, limits.max, limits.smallest_subnormal, -0.0, np.inf, np.nan], dtype)
    return np.array([np.iinfo(dtype).min, 0, np.iinfo(dtype).max], dtype)


@pytest.mark.parametrize("dtype", sorted(STORABLE))
@pytest.mark.parametrize("axis", ["", "other", None])
def test_every_type_keeps_every_bit(tmp_path, dtype, axis):
    one_column = product_class("One", (ColumnSchema("x", dtype, axis),))
    values = extremes(dtype)
    written = [one_column(values[i : i + 1]) for i in range(len(values))]
    if axis is not None:
        written += [one_column(values), one_column(values[:0])]
    for product, expected in zip(round_trip(tmp_path / "a.root", one_column, written), written, strict=True):
        product.check()
        assert product.x.tobytes() == expected.x.tobytes()


def test_a_product_of_strings_alone_is_stored(tmp_path):
    words = product_class("Words", (ColumnSchema("word", "str"),))
    written = [words(("top", "", "größer")), words(()), words(("top",))]
    assert [p.word for p in round_trip(tmp_path / "a.root", words, written)] == [p.word for p in written]


def test_a_product_without_columns_is_stored(tmp_path):
    marker = product_class("Marker", ())
    assert len(list(round_trip(tmp_path / "a.root", marker, [marker()] * 3))) == 3


def test_of_a_product_without_columns_it_is_known_which_events_have_it(tmp_path):
    described = branch(product_class("Marker", ()), "x")
    writer = TreeWriter((tmp_path / "a.root").open("x+b"), [described], [], uproot.ZSTD(1))
    for n in range(4):
        writer.add(event_id(n), (product_class("Marker", ())() if n % 2 else None,))
    writer.finish(complete=True)
    with RootFile(str(tmp_path / "a.root")) as file:
        opened = layout().open(file)
        assert opened.presence(described, 0, 4).tolist() == [False, True, False, True]
        assert opened.presence(described, 1, 2) is None


def test_in_a_file_that_says_nothing_of_it_as_those_of_before_every_event_has_every_product(tmp_path):
    path = write_file(tmp_path / "a.root", 3)
    assert "presence" not in metadata_of(path)
    with RootFile(str(path)) as file:
        assert layout().open(file).presence(TRACKS, 0, 3) is None


def test_a_file_without_its_tree_of_what_is_missing_is_refused(tmp_path):
    path = write_file(tmp_path / "a.root", 3)
    rewrite(path, metadata_of(path) | {"presence": {TRACKS.name: "00000000"}})
    with RootFile(str(path)) as file, pytest.raises(FileOpenError, match="no tree 'EventsPresence'"):
        layout().open(file)


def test_descriptions_come_back_whole(tmp_path):
    with RootFile(str(write_file(tmp_path / "a.root", 3))) as file:
        opened = layout().open(file)
        assert list(opened.branches) == [TRACKS, NUMBERS]
        assert opened.branches[0].attributes == '{"field": 3.8}'
        assert list(opened.history) == [{"name": "GEN"}]


def test_no_events_leave_the_whole_schema(tmp_path):
    with RootFile(str(write_file(tmp_path / "a.root", 0))) as file:
        opened = layout().open(file)
        assert opened.n_entries == 0
        assert list(opened.branches) == [TRACKS, NUMBERS]
        assert list(opened.cluster_limits(opened.branches)) in ([0], [0, 0])


def test_products_of_the_most_recent_process_come_first(tmp_path):
    path = write_file(tmp_path / "a.root", 2, branches=(NUMBERS, branch(Numbers, "n", process="SIM")))
    metadata = metadata_of(path)
    metadata["processes"] = [{"name": "GEN"}, {"name": "SIM"}]
    with RootFile(str(rewrite(path, metadata))) as file:
        assert [b.process for b in layout().open(file).branches] == ["SIM", "GEN"]


def test_plain_uproot_reads_it_like_nanoaod(tmp_path):
    with uproot.open(write_file(tmp_path / "a.root", 5)) as file:
        events = file["Events"].arrays()
    assert events["event"].tolist() == [event_id(n).event for n in range(5)]
    assert events["ntracks"].tolist() == [0, 1, 2, 3, 0]
    assert events["tracks_pt"].tolist() == [tracks(n).pt.tolist() for n in range(5)]
    assert events["ntracks_hit"].tolist() == [0, 1, 2, 0, 1]
    assert events["tracks_vertexZ"].tolist() == [0, 1, 2, 3, 4]


def test_strings_are_codes_into_the_dictionary(tmp_path):
    path = write_file(tmp_path / "a.root", 50)
    words = metadata_of(path)["dictionaries"]["tracks_finder"]
    assert sorted(words) == [f"finder{n}" for n in range(5)]
    with uproot.open(path) as file:
        codes = file["Events/tracks_finder"].array()
    assert [words[code] for code in codes[7]] == list(tracks(7).finder)


def test_the_digest_of_each_branch_is_that_of_its_values(tmp_path):
    path = write_file(tmp_path / "a.root", 2500)
    digests = metadata_of(path)["completion"]["crc32"]
    with uproot.open(path) as file:
        tree = file["Events"]
        assert set(digests) == set(tree.keys())
        for name, digest in digests.items():
            values = tree[name].array(library="ak")
            flat = np.asarray(values.layout.content.data if values.ndim == 2 else values)
            assert f"{crc32(flat):08x}" == digest, name


@given(st.lists(st.floats(width=32), max_size=30), st.integers(0, 30))
def test_a_digest_does_not_depend_on_how_the_values_were_cut(values, cut):
    array = np.array(values, np.float32)
    assert crc32(array[cut:], crc32(array[:cut])) == crc32(array)
    assert crc32(array.astype(">f4")) == crc32(array)


def test_a_whole_file_has_no_damaged_branches(tmp_path):
    with RootFile(str(write_file(tmp_path / "a.root", 2500))) as file:
        assert layout().open(file).damaged_branches() == []


def test_a_flipped_bit_that_uproot_reads_in_silence_is_found(tmp_path):
    path = tmp_path / "a.root"
    rng = np.random.default_rng(1)
    noise = [Numbers(rng.integers(-(2**31), 2**31 - 1, 50, np.int32)) for _ in range(100)]
    writer = TreeWriter(path.open("x+b"), [NUMBERS], [], uproot.ZSTD(1))
    for n, product in enumerate(noise):
        writer.add(event_id(n), (product,))
    writer.finish(complete=True)
    content = bytearray(path.read_bytes())
    begin = content.index(noise[50].value.astype(">i4").tobytes())
    content[begin + 7] ^= 1
    path.write_bytes(content)
    with RootFile(str(path)) as file:
        read = file.tree("Events").read("numbers_odd_value", 0, 100)
        assert read.content[50 * 50 + 1] == noise[50].value[1] ^ 1
        opened = layout().open(file)
        with pytest.raises(FileReadError, match="'numbers_odd_value' within entries 0 to 99 are not those"):
            opened.read(NUMBERS, ["value"], 0, 100)
        assert opened.damaged_branches() == ["numbers_odd_value"]


def test_a_code_without_a_string_is_a_read_error(tmp_path):
    path = write_file(tmp_path / "a.root", 10)
    metadata = metadata_of(path)
    metadata["dictionaries"]["tracks_finder"] = ["finder0"]
    with RootFile(str(rewrite(path, metadata))) as file:
        opened = layout().open(file)
        with pytest.raises(FileReadError, match=r"'tracks_finder' .* code 4 is none of its 1 strings"):
            opened.read(TRACKS, ["finder"], 0, 10)


def test_a_file_of_somebody_else_is_refused(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mktree("Events", {"run": np.arange(3)})
    with RootFile(str(tmp_path / "a.root")) as file, pytest.raises(NotInFile, match="no key 'eventproc'"):
        layout().open(file)


def test_a_newer_format_is_refused(tmp_path):
    path = write_file(tmp_path / "a.root", 3)
    rewrite(path, metadata_of(path) | {"format": 99, "novelty": 1})
    with RootFile(str(path)) as file, pytest.raises(FileOpenError, match=r"format is 99; .* reads format 1"):
        layout().open(file)


@pytest.mark.parametrize("text", ["{}", '{"format": 1}', '{"format": 1, "products": 7}', "{a}", "[]"])
def test_other_text_is_no_metadata(text):
    for candidate in (text, seal(text), "", "{"):
        with pytest.raises(ValueError, match=r"its (metadata|format) is"):
            decode_metadata(candidate)


def test_no_changed_character_of_the_metadata_passes(tmp_path):
    with uproot.open(write_file(tmp_path / "a.root", 3)) as file:
        text = str(file[METADATA_KEY])
    assert decode_metadata(text).completion.nEvents == 3
    for position in range(len(text)):
        changed = chr(ord(text[position]) ^ 1)
        with pytest.raises(ValueError, match="damaged"):
            decode_metadata(text[:position] + changed + text[position + 1 :])


def test_a_tree_with_other_than_the_promised_entries_is_refused(tmp_path):
    path = write_file(tmp_path / "a.root", 3)
    metadata = metadata_of(path)
    metadata["completion"]["nEvents"] = 4
    rewrite(path, metadata)
    with RootFile(str(path)) as file, pytest.raises(FileOpenError, match="3 entries and 4 events"):
        layout().open(file)


def test_a_promised_branch_that_is_missing_is_refused(tmp_path):
    path = write_file(tmp_path / "a.root", 3)
    metadata = metadata_of(path)
    metadata["products"][0]["columns"][0]["branch"] = "tracks_pT"
    rewrite(path, metadata)
    with RootFile(str(path)) as file, pytest.raises(ProductNotFound, match=r"'tracks_pT'; .*'tracks_pt'"):
        layout().open(file)
