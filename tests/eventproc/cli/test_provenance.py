import json

from tests.eventproc.cli.conftest import EDM, SAMPLE
from tests.eventproc.io.tracks import write_file

COUNTER = '''
from eventproc.io.format.record_table import RecordTable, Table

class NumbersTable(RecordTable):
    """Adds numbers up."""
    varying = frozenset({"value"})
    def summarise(self, columns):
        return Table(("what", "how much"), [("sum", str(columns["value"].sum()))], ["that was all"])
'''


def test_processes_modules_and_parameters_are_listed(command):
    done = command("provenance", SAMPLE)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0].startswith(f"{SAMPLE}  500 events, complete, ")
    assert any(line.startswith("process SIM  id ") and "eventproc 0." in line for line in lines)
    assert "  source = Source PythiaSource" in lines
    assert "      ptHatMin = 500.0" in lines
    assert "      compressionLevel = 9  (untracked)" in lines
    assert "  path e: out" in lines


def test_json_says_the_same(command):
    found = json.loads(command("provenance", SAMPLE, "--json").out)
    (process,) = found["processes"]
    assert process["name"] == "SIM"
    assert process["components"][0]["parameters"]["seed"] == 1
    assert (found["complete"], found["events"]) == (True, 500)


def test_a_partial_file_is_named_so(command, tmp_path):
    assert "PARTIAL" in command("provenance", write_file(tmp_path / "a.root", 2, complete=False)).out


def test_a_package_adds_a_table_for_its_own_records(command, install, tmp_path):
    install("counter", {"counting": COUNTER}, records={"Numbers": "counting:NumbersTable"})
    done = command("provenance", write_file(tmp_path / "a.root", 2500))
    assert done.code == 0, done.err
    expected = sum(n % 3 * (n % 3 - 1) // 2 * n for n in range(2500))
    assert "Numbers_numbers_odd_GEN" in done.out
    assert str(expected) in done.out
    assert done.out.splitlines()[-1] == "that was all"


def test_a_table_gets_no_values_of_events_that_lack_the_product(command, install, tmp_path):
    counter = COUNTER.replace('columns["value"].sum()', '(columns["vertexZ"].tolist(), columns["fitter"])')
    install("counter", {"counting": counter}, records={"Tracks": "counting:NumbersTable"})
    done = command("provenance", write_file(tmp_path / "a.root", 5, lacking={0, 1, 4}))
    assert done.code == 0, done.err
    assert "([2.0, 3.0], ('fitter0', 'fitter1'))" in done.out


def test_what_is_no_table_is_refused(command, install, tmp_path):
    install("wrong", {"wrongly": "def table(): ..."}, records={"Numbers": "wrongly:table"})
    done = command("provenance", write_file(tmp_path / "a.root", 1))
    assert done.code == 8009 & 0xFF
    assert "must be a class derived from RecordTable" in done.err


def test_a_file_of_another_program_has_none(command):
    done = command("provenance", EDM)
    assert done.code == 8020 & 0xFF
    assert "PoolOutputModule did not write it" in done.err
