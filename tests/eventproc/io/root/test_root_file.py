import numpy as np
import pytest
import uproot

from eventproc.errors import FileOpenError
from eventproc.io.root.input_names import local_path
from eventproc.io.root.root_file import RootFile, why_not_root


def make_file(path, **objects):
    with uproot.recreate(path) as file:
        for name, content in objects.items():
            if isinstance(content, dict):
                file.mktree(name, content)
            else:
                file[name] = content
    return path


def refused(path, *phrases):
    with pytest.raises(FileOpenError) as error:
        RootFile(str(path))
    for phrase in (str(path), *phrases):
        assert phrase in str(error.value)


def test_trees_and_texts_are_found_by_name(tmp_path):
    with RootFile(str(make_file(tmp_path / "a.root", T={"x": np.arange(3)}, note="hello"))) as file:
        assert file.tree_names() == ["T"]
        assert file.tree("T").n_entries == 3
        assert file.text("note") == "hello"
        assert file.text("T") is None
        assert file.text("nothing") is None


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a.root", "a.root"),
        ("/x/a.root", "/x/a.root"),
        ("file:a.root", "a.root"),
        ("file:/x/a.root", "/x/a.root"),
        ("file:///x/a.root", "/x/a.root"),
    ],
)
def test_local_names_may_have_the_file_prefix(name, path):
    assert str(local_path(name)) == path


@pytest.mark.parametrize("name", ["root://server//x/a.root", "http://server/a.root"])
def test_urls_are_not_local(name):
    assert local_path(name) is None


def test_the_file_prefix_opens_a_file(tmp_path):
    with RootFile(f"file:{make_file(tmp_path / 'a.root', T={'x': np.arange(3)})}") as file:
        assert file.pfn == str(tmp_path / "a.root")


def test_a_name_with_a_colon_is_one_name(tmp_path):
    with RootFile(str(make_file(tmp_path / "run:1.root", T={"x": np.arange(3)}))) as file:
        assert file.tree_names() == ["T"]


def test_a_missing_file_is_refused_with_the_nearest_name(tmp_path):
    make_file(tmp_path / "hits_1.root")
    refused(tmp_path / "hits_2.root", "it does not exist: did you mean 'hits_1.root'?")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty" / "hits.root", "it does not exist: its folder holds no ROOT file")


def test_a_missing_folder_is_named(tmp_path):
    refused(tmp_path / "nowhere" / "a.root", f"its folder '{tmp_path / 'nowhere'}' does not exist")


def test_a_folder_is_refused(tmp_path):
    refused(tmp_path, "folder")


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.root").touch()
    refused(tmp_path / "a.root", "empty")


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.root").write_text("PAR1 is how Parquet files begin")
    refused(tmp_path / "a.root", "not a ROOT file")


def test_a_file_cut_anywhere_is_refused_as_truncated(tmp_path):
    whole = make_file(tmp_path / "whole.root", T={"x": np.arange(1000)}).read_bytes()
    for size in [4, 19, 20, 100, len(whole) // 2, len(whole) - 1]:
        (tmp_path / "cut.root").write_bytes(whole[:size])
        refused(tmp_path / "cut.root", "truncated")


def test_a_file_with_a_spoiled_directory_is_refused(tmp_path):
    path = make_file(tmp_path / "a.root", T={"x": np.arange(1000)})
    content = bytearray(path.read_bytes())
    content[20:200] = b"\xff" * 180
    path.write_bytes(content)
    refused(path)


def test_the_header_of_a_big_file_is_understood():
    header = (
        b"root" + (1_062_400).to_bytes(4, "big") + (100).to_bytes(4, "big") + (5 << 30).to_bytes(8, "big")
    )
    assert why_not_root(header, 5 << 30) == ""
    assert f"promises {5 << 30} bytes" in why_not_root(header, 1 << 30)


def test_a_missing_tree_is_refused_with_the_trees_there_are(tmp_path):
    path = make_file(tmp_path / "a.root", Evts={"x": np.arange(3)}, Runs={"x": np.arange(3)})
    with RootFile(str(path)) as file, pytest.raises(FileOpenError, match="its trees: 'Evts', 'Runs'"):
        file.tree("Events")


def test_a_file_without_any_tree_is_refused_with_the_objects_there_are(tmp_path):
    path = make_file(tmp_path / "a.root", note="hello")
    with RootFile(str(path)) as file, pytest.raises(FileOpenError, match="no trees; its objects: note"):
        file.tree("Events")


def test_an_rntuple_is_refused_as_such(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file.mkrntuple("Events", {"x": np.arange(3)})
    with RootFile(str(tmp_path / "a.root")) as file, pytest.raises(FileOpenError, match="only a TTree"):
        file.tree("Events")


def test_a_file_without_any_object_may_not_have_been_closed(tmp_path):
    path = make_file(tmp_path / "a.root")
    with RootFile(str(path)) as file, pytest.raises(FileOpenError, match="may not have closed it"):
        file.tree("Events")


def test_a_url_that_nobody_answers_is_refused():
    refused("http://127.0.0.1:1/a.root")
