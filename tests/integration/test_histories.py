"""Where files of one input were made by different processes, all of that stays known."""

import pytest
from typer.testing import CliRunner

from eventproc.cli.main import application
from eventproc.errors import MismatchedInputFiles
from eventproc.io.merging.merge import merge_files
from eventproc.io.merging.merge_part import Part
from eventproc.io.reading.file_provenance import read_provenance
from tests.integration.conftest import SMALL_JOBS


@pytest.fixture
def make(run):
    """Runs one process; gives its file."""

    def job(name, output, *inputs, add=0, first=1):
        words = [f"inputFiles={','.join(inputs)}"] if inputs else []
        run("histories", f"name={name}", f"output={output}", f"add={add}", f"first={first}", *words)
        return output

    return job


def names(found):
    return [
        (history.files, [name for name, _ in history.processes])
        for history in read_provenance(found).histories
    ]


def test_every_history_of_the_input_is_kept_from_job_to_job(make):
    inputs = [
        make("SIM", "a.root", add=1),
        make("SIM", "b.root", add=2, first=5),
        make("SIM", "c.root", first=9),
    ]
    both = make("RECO", "reco.root", *inputs)
    assert names(both) == [((name,), ["SIM"]) for name in inputs]
    last = make("USER", "user.root", both)
    assert names(last) == [(("reco.root",), ["SIM", "RECO"])] * 3
    found = read_provenance(last)
    assert [process.name for process in found.processes] == ["SIM", "SIM", "SIM", "RECO", "USER"]
    added = [next(c for c in p.components if c.label == "count").parameters["add"] for p in found.processes]
    assert added[:3] == [1, 2, 0]
    assert len({process.id for process in found.processes}) == 5
    told = CliRunner().invoke(application, ["provenance", last]).stdout
    for process in found.processes:
        assert process.id in told


def test_files_that_were_made_alike_have_one_history(make):
    inputs = [make("SIM", "a.root"), make("SIM", "b.root", first=5)]
    # Event numbers are untracked here: the two jobs are the same but for their events.
    assert names(make("RECO", "reco.root", *inputs)) == []


def test_files_of_one_job_over_inputs_made_differently_can_be_merged(make, tmp_path):
    parts = [
        make("RECO", f"reco{n}.root", make("SIM", f"sim{n}.root", add=n, first=1 + 5 * n)) for n in range(2)
    ]
    merge_files([Part(part) for part in parts], tmp_path / "all.root")
    assert names("all.root") == [((part,), ["SIM"]) for part in parts]
    other = make("RECO", "other.root", "sim0.root", add=7)
    with pytest.raises(MismatchedInputFiles, match="another configuration"):
        merge_files([Part(parts[0]), Part(other)], tmp_path / "no.root")


def test_a_tag_that_means_another_process_in_another_file_is_refused(make, tmp_path):
    one = make("B", "ab.root", make("A", "a.root"))
    other = make("A", "ba.root", make("B", "b.root", first=5))
    words = ["name=NEXT", f"inputFiles={one},{other}", "output=next.root"]
    done = CliRunner().invoke(application, ["run", str(SMALL_JOBS / "histories_cfg.py"), *words])
    assert done.exit_code == 8023 & 0xFF
    assert "Count 'count' of the Event without a process means that of 'A' in input file" in done.stderr
    assert not (tmp_path / "next.root").exists()
