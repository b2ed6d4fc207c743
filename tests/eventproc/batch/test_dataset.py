import json

import pytest

from eventproc.batch.dataset import read_dataset, refuse_repeated
from eventproc.batch.dataset_content import look_into
from eventproc.errors import ConfigurationError, FileOpenError
from eventproc.io.reading.golden_json import read_golden_json
from eventproc.model.descriptions import ComponentDescription
from eventproc.model.ranges import EntryRange
from tests.eventproc.io.tracks import write_file

SOURCE = ComponentDescription("Source", "PoolSource", "source", {"layout": "native"})


@pytest.fixture
def files(tmp_path):
    for name in ("b.root", "a.root", "c.root"):
        (tmp_path / name).touch()
    return tmp_path


def names(dataset, folder):
    return [file.name.removeprefix(f"{folder}/") for file in dataset]


def test_files_come_in_the_order_given_and_globs_sorted(files, monkeypatch):
    monkeypatch.chdir(files)
    dataset = read_dataset(["c.root,file:a.root", "[ab].root"])
    assert names(dataset, files) == ["c.root", "a.root", "a.root", "b.root"]


def test_urls_are_kept_as_they_are():
    urls = ["root://site.ch//store/a.root", "http://x/b.root?y=*"]
    assert [file.name for file in read_dataset(urls)] == urls


def test_a_list_names_files_beside_it_urls_and_comments(files):
    (files / "all.txt").write_text("# ours\na.root\n\n*.root  # all\nroot://x//d.root\n")
    dataset = read_dataset([str(files / "all.txt")])
    assert names(dataset, files) == ["a.root", "a.root", "b.root", "c.root", "root://x//d.root"]


@pytest.mark.parametrize(
    "content",
    [
        {"files": {"a.root": "Events", "b.root": {"object_path": "Events", "num_entries": 3}}},
        {"files": ["a.root", "b.root"], "metadata": {"x": 1}},
        {"a.root": "Events", "b.root": "Events"},
        ["a.root", "b.root"],
    ],
)
def test_coffea_file_sets_are_read_in_their_forms(files, content):
    (files / "set.json").write_text(json.dumps({"TT": content}))
    assert names(read_dataset([str(files / "set.json")]), files) == ["a.root", "b.root"]


@pytest.mark.parametrize(
    ("words", "given_twice"),
    [("[ab].root,c.root", False), ("*.root,file:a.root", True), ("root://x//a.root," * 2, True)],
    ids=["once", "glob", "url"],
)
def test_a_file_that_is_named_twice_is_refused(files, monkeypatch, words, given_twice):
    monkeypatch.chdir(files)
    dataset = read_dataset([words])
    if not given_twice:
        refuse_repeated(dataset)
        return
    with pytest.raises(ConfigurationError, match=r"a\.root' is given twice"):
        refuse_repeated(dataset)


@pytest.mark.parametrize(
    ("steps", "overlap"),
    [([[100, 150], [0, 100]], False), ([[0, 101], [100, 150]], True), ([[0, 100], [0, 100]], True)],
    ids=["apart", "one entry", "the same"],
)
def test_steps_that_overlap_are_refused(files, steps, overlap):
    (files / "set.json").write_text(json.dumps({"TT": {"files": {"a.root": {"steps": steps}}}}))
    dataset = read_dataset([str(files / "set.json")])
    if not overlap:
        refuse_repeated(dataset)
        return
    with pytest.raises(ConfigurationError, match="given twice"):
        refuse_repeated(dataset)


def test_steps_of_a_file_set_are_ranges_of_entries(files):
    steps = {"object_path": "Events", "steps": [[0, 100], [100, 100], [100, 250]]}
    (files / "set.json").write_text(json.dumps({"TT": {"files": {"a.root": steps}}, "QCD": {"files": {}}}))
    dataset = read_dataset([str(files / "set.json")], "TT")
    assert [file.entries for file in dataset] == [EntryRange(0, 100), EntryRange(100, 250)]


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("d.root", r"'.*d\.root' does not exist: did you mean"),
        ("x*.root", "no file matches"),
        ("none.txt", "cannot be read"),
        ("latin.txt", "cannot be read: 'utf-8' codec can't decode byte 0xe9"),
        ("bad.json", "cannot be read"),
        ("two.json", "holds 2 datasets: name one of QCD, TT"),
        ("odd.json", "names no files"),
        ("steps.json", r"steps of 'a\.root' are not"),
    ],
)
def test_what_names_no_files_is_refused(files, word, message):
    (files / "latin.txt").write_bytes(b"\xe9.root\n")
    (files / "bad.json").write_text("{")
    (files / "two.json").write_text('{"TT": {}, "QCD": {}}')
    (files / "odd.json").write_text('{"TT": 3}')
    (files / "steps.json").write_text('{"TT": {"files": {"a.root": {"steps": [[1]]}}}}')
    with pytest.raises(ConfigurationError, match=message):
        read_dataset([str(files / word)])


def test_an_empty_dataset_and_an_unknown_name_are_refused(files):
    (files / "set.json").write_text('{"TT": {"files": {"a.root": "Events"}}}')
    with pytest.raises(ConfigurationError, match="did you mean 'TT'"):
        read_dataset([str(files / "set.json")], "TTT")
    with pytest.raises(ConfigurationError, match="the dataset is empty"):
        read_dataset([])


def test_a_golden_json_becomes_a_mask(tmp_path):
    (tmp_path / "golden.json").write_text('{"1": [[2, 3]]}')
    mask = read_golden_json(tmp_path / "golden.json")
    assert [mask.contains(1, lumi) for lumi in (1, 2, 3, 4)] == [False, True, True, False]
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_golden_json(tmp_path / "silver.json")


def test_files_are_looked_into_for_their_luminosity_blocks(tmp_path, monkeypatch):
    monkeypatch.setattr("eventproc.batch.dataset_content._ENTRIES_AT_ONCE", 70)
    write_file(tmp_path / "a.root", 1150)  # a luminosity block of a hundred, a run of a thousand
    (file,) = look_into(read_dataset([str(tmp_path / "a.root")]), SOURCE)
    assert [(span.start, span.stop) for span in file.spans] == [
        *((n, n + 100) for n in range(0, 1100, 100)),
        (1100, 1150),
    ]
    assert file.spans[0].lumi == (1, 1)
    assert file.spans[-1].lumi == (2, 12)


def test_a_file_that_cannot_be_opened_is_told(files):
    with pytest.raises(FileOpenError, match=r"a\.root"):
        look_into(read_dataset([str(files / "a.root")]), SOURCE)
