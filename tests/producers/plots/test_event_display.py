import matplotlib.image
import numpy as np
import pytest

from eventproc.cli.main import application
from eventproc.errors import CommandLineError, FileWriteError
from producers.plots.event_display import draw_event
from producers.plots.event_labels import inference_text, jet_rows, score_text, truth_text
from producers.plots.event_page import render_event_page
from producers.plots.shown_event import read_shown_event


def display(*words):
    application(["display", *map(str, words)], standalone_mode=False)


@pytest.fixture
def event(tagged_file):
    return read_shown_event(str(tagged_file), 0)


def test_labels_say_score_status_truth_and_server(event):
    assert score_text(event, 0) == "top score 0.875"
    assert score_text(event, 1) == "nobody answered"
    assert [truth_text(event, jet) for jet in (0, 1)] == ["top", ""]
    assert "toptag version 1 on http://gpu1:8000 (gpu" in inference_text(event)
    assert jet_rows(event)[0]["crystals"] == "16"


def test_a_picture_shows_crystals_and_jets(event, tmp_path):
    draw_event(event, tmp_path / "new" / "e.png")
    picture = matplotlib.image.imread(tmp_path / "new" / "e.png")
    assert picture.shape[1] == 1950
    codes = (picture[..., :3] * 255).round().astype(np.uint32) @ np.array([0x10000, 0x100, 1], np.uint32)
    for circle in (0xBD1F01, 0x3F90DA):  # of the first and the second jet
        assert np.count_nonzero(codes == circle) > 500


@pytest.mark.parametrize("suffix", ["pdf", "svg", "html"])
def test_each_format_is_written(tagged_file, tmp_path, suffix):
    output = tmp_path / f"e.{suffix}"
    display(tagged_file, "--event", "1:1:15", "-o", output)
    assert output.stat().st_size > 5000


def test_an_event_without_jets_is_drawn_too(tmp_path):
    from tests.producers.plots import conftest as files  # noqa: PLC0415 - not a fixture

    no_hits = files.EcalRecHits.empty()
    file = files.write(
        tmp_path / "e.root", [files.branch(files.EcalRecHits, "ecalRecHits", "SIM")], [(no_hits,)]
    )
    display(file, "-o", tmp_path / "e.png")
    display(file, "-o", tmp_path / "e.html")
    assert "0 crystals" in (tmp_path / "e.html").read_text()


def test_a_page_carries_everything_and_asks_for_nothing(event, page_data):
    page = render_event_page(event)
    data = page_data(page)
    assert len(data["crystals"]["et"]) == 32
    assert [jet["score"] for jet in data["jets"]] == ["top score 0.875", "nobody answered"]
    assert [len(jet["index"]) for jet in data["jets"]] == [16, 16]
    assert data["pixels"] == 224
    for outside in ("http://", "https://", "src=", "<link", "@import", "fetch("):
        assert outside not in page.replace("http://gpu1:8000", "")


def test_what_a_file_says_cannot_end_the_script(event, page_data):
    hostile = "</script><b>"
    page = render_event_page(type(event)(**{**_fields(event), "file": hostile}))
    assert page.count("</script>") == 1
    assert page_data(page)["file"] == hostile


def _fields(event):
    return {name: getattr(event, name) for name in event.__dataclass_fields__}


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["-o", "e.gif"], "must be one of .html"),
        (["--event", "1:1:5", "--entry", "0"], "leave one out"),
        (["--event", "1:5"], "write run:lumi:event"),
        (["--event", "1:1:6"], "are 1:1:5, 1:1:15, 1:2:25"),
    ],
)
def test_mistakes_are_explained_before_anything_is_drawn(tagged_file, tmp_path, monkeypatch, words, reason):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandLineError, match=reason):
        display(tagged_file, *words)
    assert not list(tmp_path.glob("e*.*"))


@pytest.mark.parametrize("suffix", ["png", "html"])
def test_what_cannot_be_written_is_an_error(tagged_file, tmp_path, suffix):
    (tmp_path / "file").touch()
    with pytest.raises(FileWriteError, match="cannot be written"):
        display(tagged_file, "-o", tmp_path / "file" / f"e.{suffix}")
