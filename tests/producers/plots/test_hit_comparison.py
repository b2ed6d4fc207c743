"""Tests of the comparison of hits, on the files that come with the project and on recorded collisions."""

from pathlib import Path

import numpy as np
import pytest

from eventproc.errors import FileWriteError
from producers.plots.hit_comparison import draw_comparison, main, read_hits, table_lines

DATA = Path(__file__).parents[3] / "data"


def test_hits_are_read_in_any_layout():
    native, edm = (read_hits(DATA / name) for name in ("top_qcd.root", "edm_rechits.root"))
    assert len(native) == 500
    for sample in (native, edm):
        assert sample.counts.sum() == len(sample.rawId) == len(sample.energy) == len(sample.time) > 1000


def test_one_command_draws_and_prints(tmp_path, capsys):
    output = tmp_path / "new" / "hits.png"
    main(DATA / "top_qcd.root", DATA / "edm_rechits.root", output, ("first", "second"))
    assert output.read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    rows = [line.split("|") for line in printed.splitlines() if line.startswith("| above 0.25 GeV")]
    mean = read_hits(DATA / "top_qcd.root").mean_multiplicity(0.25)
    assert rows[0][2].strip() == str(mean)
    assert "| hits an event | first | second |" in printed


def test_a_file_that_is_missing_is_named_without_a_traceback(tmp_path):
    with pytest.raises(SystemExit, match=r"nowhere\.root"):
        main(tmp_path / "nowhere.root", DATA / "top_qcd.root", tmp_path / "hits.png")


def test_a_picture_that_cannot_be_written_is_named():
    samples = {name: read_hits(DATA / "edm_rechits.root") for name in ("a", "b")}
    with pytest.raises(FileWriteError, match=r"/proc/no/hits.png"):
        draw_comparison(samples, Path("/proc/no/hits.png"))


def test_recorded_collisions_have_what_the_simulation_leaves_out(cms_events):
    """Negative energies, hits of other bunch crossings, and fewer hits in quiet regions."""
    sample = read_hits(cms_events / "cms2012_ebhits.root")
    assert len(sample) == 100
    assert 0.1 < np.mean(sample.energy <= 0) < 0.3
    assert np.mean(np.abs(sample.time[sample.energy > 1]) > 20) == pytest.approx(0.1, abs=0.05)
    assert sample.mean_multiplicity(0.25).value == pytest.approx(81.49)
    assert sum(line.startswith("| above") for line in table_lines({"real": sample})) == 8
