import hist
import numpy as np
import pytest
import uproot

from eventproc.errors import FileReadError, FileWriteError
from eventproc.io.merging.histogram_merge import add_histograms


def write(path, seed, bins=5, name="x"):
    numbers = np.random.default_rng(seed).normal(size=(100, 2))
    plain = hist.Hist(hist.axis.Regular(bins, -2, 2, name="x", label="x [GeV]")).fill(numbers[:, 0])
    weighted = hist.Hist(hist.axis.Variable([-3, 0, 1, 3]), storage=hist.storage.Weight())
    weighted.fill(numbers[:, 0], weight=numbers[:, 1] ** 2)
    flat = hist.Hist(hist.axis.Regular(3, -1, 1), hist.axis.Regular(4, -1, 1)).fill(*numbers.T)
    with uproot.recreate(path) as file:
        for key, histogram in {name: plain, "folder/weighted": weighted, "flat": flat}.items():
            file[key] = histogram
    return path


def test_values_errors_and_overflow_are_those_of_all_entries(tmp_path):
    parts = [write(tmp_path / f"{n}.root", n) for n in range(3)]
    add_histograms(parts, tmp_path / "sum.root")
    with uproot.open(tmp_path / "sum.root") as file:
        assert file.keys(cycle=False) == ["x", "folder", "folder/weighted", "flat"]
        for name in ("x", "folder/weighted", "flat"):
            each = []
            for part in parts:
                with uproot.open(part) as one:
                    each.append((one[name].values(flow=True), one[name].variances(flow=True)))
            values, variances = (sum(of) for of in zip(*each, strict=True))
            assert np.allclose(file[name].values(flow=True), values)
            assert np.allclose(file[name].variances(flow=True), variances)
        assert file["x"].axis().all_members["fTitle"] == "x [GeV]"


@pytest.mark.parametrize(("other", "reason"), [({"bins": 6}, "cannot be added"), ({"name": "y"}, "x, y")])
def test_histograms_that_differ_are_refused(tmp_path, other, reason):
    parts = [write(tmp_path / "a.root", 1), write(tmp_path / "b.root", 2, **other)]
    with pytest.raises(FileReadError, match=reason):
        add_histograms(parts, tmp_path / "sum.root")
    assert not (tmp_path / "sum.root").exists()


def test_a_file_that_holds_more_than_histograms_is_refused(tmp_path):
    with uproot.recreate(tmp_path / "a.root") as file:
        file["text"] = "not a histogram"
    with pytest.raises(FileReadError, match="only histograms"):
        add_histograms([tmp_path / "a.root"], tmp_path / "sum.root")


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(FileWriteError, match="missing"):
        add_histograms([write(tmp_path / "a.root", 1)], tmp_path / "missing" / "sum.root")
