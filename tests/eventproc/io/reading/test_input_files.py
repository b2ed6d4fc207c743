"""Files that a job names: by wildcard, with checksums, and what becomes of those that are bad."""

import hashlib
import json
import zlib

import pytest

from eventproc.errors import ConfigurationError, FileOpenError, FileReadError, MismatchedInputFiles
from tests.eventproc.io.tracks import (
    TRACKS,
    Numbers,
    Tracks,
    bind_all,
    event_id,
    make_source,
    read_all,
    write_file,
)


@pytest.fixture
def files(tmp_path):
    return [write_file(tmp_path / f"{k}.root", 10, first=10 * k) for k in range(3)]


async def read(*files, **parameters):
    """Numbers of the events, and what the report says of the files left out."""
    source = make_source(*files, **parameters)
    try:
        bind_all(source, Tracks, Numbers)
        numbers = [event[0].event - event_id(0).event for event in await read_all(source)]
        return numbers, {r.pfn: r.why_skipped for r in source.input_files() if r.why_skipped}
    finally:
        source.close()


# --- names ---


async def test_a_wildcard_stands_for_the_files_that_match_in_order(files, tmp_path):
    (tmp_path / "sub").mkdir()
    write_file(tmp_path / "sub" / "3.root", 10, first=30)
    assert (await read(tmp_path / "[01].root"))[0] == list(range(20))
    assert (await read(f"file:{tmp_path}/?.root", tmp_path / "sub/*.root"))[0] == list(range(40))
    assert (await read(f"{tmp_path}/**/*.root"))[0] == list(range(40))


async def test_a_file_whose_name_looks_like_a_wildcard_is_that_file(tmp_path):
    write_file(tmp_path / "[12].root", 3)
    write_file(tmp_path / "1.root", 5)
    assert (await read(tmp_path / "[12].root"))[0] == [0, 1, 2]


async def test_a_wildcard_that_matches_nothing_is_an_open_error(files, tmp_path):
    with pytest.raises(FileOpenError, match=r"no file matches '.*/\*\.rot'"):
        await read(tmp_path / "*.rot")


async def test_entries_need_names_without_wildcards(files, tmp_path):
    with pytest.raises(ConfigurationError, match="entriesToProcess need each of fileNames by its own name"):
        await read(tmp_path / "*.root", entriesToProcess=["0-1"])


# --- bad files ---


def spoil(path, how):
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b"x" * 900}[how])


@pytest.mark.parametrize("how", ["empty", "cut", "other", "missing"])
@pytest.mark.parametrize("which", [0, 1, 2])
async def test_a_bad_file_is_left_out_and_reported_if_the_job_says_so(files, how, which):
    if how == "missing":
        files[which].unlink()
    else:
        spoil(files[which], how)
    with pytest.raises(FileOpenError, match=f"{which}.root"):
        await read(*files)
    numbers, skipped = await read(*files, skipBadFiles=True)
    assert numbers == [n for n in range(30) if n // 10 != which]
    (reason,) = skipped.values()
    assert list(skipped) == [str(files[which])]
    assert reason.startswith("cannot open input file")


async def test_a_job_all_of_whose_files_are_bad_fails(files):
    for path in files:
        spoil(path, "empty")
    with pytest.raises(FileOpenError, match="it is empty"):
        await read(*files, skipBadFiles=True)


async def test_a_file_with_other_products_is_not_bad_but_wrong(files, tmp_path):
    other = write_file(tmp_path / "other.root", 3, first=30, branches=(TRACKS,))
    with pytest.raises(MismatchedInputFiles):
        await read(*files, other, skipBadFiles=True)


# --- checksums ---


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def adler32(path):
    return f"{zlib.adler32(path.read_bytes()):08x}"


def report_of(files):
    return {
        "outputs": [{"pfn": str(f), "checksum": {"adler32": adler32(f), "sha256": sha256(f)}} for f in files]
    }


FORMS = {
    "sha256sum": lambda files: "".join(f"{sha256(f)}  {f.name}\n" for f in files),
    "list": lambda files: json.dumps([{"file": f.name, "sha256": sha256(f), "bytes": 1} for f in files]),
    "adler32": lambda files: json.dumps([{"file": str(f), "adler32": adler32(f)} for f in files]),
    "job report": lambda files: json.dumps(report_of(files)),
}


def flip(path):
    """Turns a bit of the compressed values, which uproot need not notice."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("form", FORMS)
async def test_checksums_are_compared_before_the_first_event(files, tmp_path, form):
    manifest = tmp_path / "manifest"
    manifest.write_text(FORMS[form](files))
    assert (await read(*files, checksumManifest=str(manifest)))[0] == list(range(30))
    flip(files[2])
    source = make_source(*files, checksumManifest=str(manifest))
    with pytest.raises(FileReadError, match=r"2\.root' is not what its checksum promises"):
        source.branches()
    numbers, skipped = await read(*files, checksumManifest=str(manifest), skipBadFiles=True)
    assert numbers == list(range(20))
    assert "is not what its checksum promises" in skipped[str(files[2])]


async def test_a_file_of_which_the_manifest_does_not_speak_is_refused(files, tmp_path):
    manifest = tmp_path / "manifest"
    manifest.write_text(FORMS["sha256sum"](files[:2]))
    with pytest.raises(ConfigurationError, match=r"does not speak of input file '.*2\.root'"):
        await read(*files, checksumManifest=str(manifest))


@pytest.mark.parametrize(
    "text", ["nonsense", "[1]", '[{"file": "a"}]', '[{"file": "a", "sha256": "12"}]', "{}", None]
)
async def test_what_is_no_manifest_is_refused(files, tmp_path, text):
    manifest = tmp_path / "manifest"
    if text is not None:
        manifest.write_text(text)
    with pytest.raises(ConfigurationError, match=r"checksum manifest '.*/manifest' cannot be read"):
        await read(*files, checksumManifest=str(manifest))
