import dataclasses
import json
from pathlib import Path

import pytest

from eventproc.config.freeze import freeze
from eventproc.config.job_file import read_job_file
from eventproc.config.loader import load_process
from tests.eventproc.cli.conftest import CONFIGS

FLAGSHIP = CONFIGS / "top_tagging_cfg.py"
WORDS = ("maxEvents=7", "jetEtMin=30", "inputFiles=a.root,b.root")


def without_places(job):
    def bare(component):
        return dataclasses.replace(component, where="")

    return dataclasses.replace(
        job,
        source=bare(job.source),
        modules=tuple(map(bare, job.modules)),
        services=tuple(map(bare, job.services)),
    )


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*_cfg.py")), ids=lambda path: path.stem)
def test_a_dump_loads_back_to_the_same_job(command, config):
    done = command("dump", config)
    assert done.code == 0, done.err
    Path("again_cfg.py").write_text(done.out)
    first, again = freeze(load_process(config)), freeze(load_process(Path("again_cfg.py")))
    assert without_places(again) == without_places(first)


def test_words_are_in_the_dump(command):
    text = command("dump", FLAGSHIP, *WORDS).out
    assert "'a.root', 'b.root'" in text
    assert "cms.double(30.0)" in text


def test_the_frozen_job_is_one_that_run_takes(command):
    done = command("dump", FLAGSHIP, *WORDS, "--json", "-o", "job.json")
    assert (done.code, done.out) == (0, "")
    assert without_places(read_job_file(Path("job.json"))) == without_places(read_job_file(FLAGSHIP, WORDS))
    assert json.loads(command("dump", "job.json", "--json").out)["process"]["max_events"] == 7


def test_the_id_follows_tracked_parameters_and_nothing_else(command):
    plain, files, other = (
        command("dump", FLAGSHIP, "--id", *words).out.strip()
        for words in ((), ("inputFiles=x.root", "maxEvents=3"), ("jetEtMin=201",))
    )
    assert len(plain) == 32
    assert plain == files != other


def test_what_a_job_file_prints_stays_out_of_the_dump(command, tmp_path):
    (tmp_path / "talks_cfg.py").write_text(
        "import eventproc.config as cms\nprint('hello')\n"
        "process = cms.Process('TALKS')\nprocess.source = cms.Source('EmptySource')\n"
    )
    done = command("dump", "talks_cfg.py")
    assert done.code == 0
    assert "hello" in done.err
    assert "hello" not in done.out


def test_a_wrong_job_is_not_dumped(command, tmp_path):
    (tmp_path / "wrong_cfg.py").write_text("import eventproc.config as cms\nprocess = cms.Process('WRONG')\n")
    done = command("dump", "wrong_cfg.py")
    assert (done.code, done.out) == (8009 & 0xFF, "")
    assert "there is no source" in done.err


def test_a_misspelt_plugin_has_no_id(command, tmp_path):
    (tmp_path / "wrong_cfg.py").write_text(
        "import eventproc.config as cms\nprocess = cms.Process('WRONG')\n"
        "process.source = cms.Source('EmtySource')\n"
    )
    done = command("dump", "--id", "wrong_cfg.py")
    assert done.code == 8009 & 0xFF
    assert "did you mean 'EmptySource'" in done.err


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (["none_cfg.py"], 7001, "does not exist"),
        ([FLAGSHIP, "--json", "--id"], 7000, "leave one out"),
        ([FLAGSHIP, "-o", "no/folder.py"], 8033, "No such file"),
        ([FLAGSHIP, "maxEvnts=3"], 7000, "maxEvnts"),
    ],
)
def test_each_mistake_has_its_code(command, words, code, reason):
    done = command("dump", *words)
    assert done.code == code & 0xFF
    assert reason in done.err


@pytest.mark.parametrize("config", sorted(CONFIGS.glob("*_cfg.py")), ids=lambda path: path.stem)
def test_a_frozen_job_goes_back_to_python(command, config):
    frozen = command("dump", config, "--json", "-o", "job.json")
    assert frozen.code == 0, frozen.err
    Path("again_cfg.py").write_text(command("dump", "job.json").out)
    assert without_places(read_job_file(Path("again_cfg.py"))) == without_places(
        read_job_file(Path("job.json"))
    )


MADE = """
import eventproc.config as cms
process = cms.Process("MADE")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 2
process.out = cms.OutputModule("PoolOutputModule", fileName="made.root")
process.e = cms.EndPath(process.out)
"""


def test_the_job_that_made_a_file_is_in_the_file(command):
    Path("made_cfg.py").write_text(MADE)
    assert command("run", "made_cfg.py").code == 0
    done = command("dump", "made.root")
    assert done.code == 0, done.err
    Path("again_cfg.py").write_text(done.out.replace("made.root", "again.root"))
    assert command("run", "again_cfg.py").code == 0
    ids = [command("dump", "--id", name).out for name in ("made_cfg.py", "made.root", "again.root")]
    assert len(set(ids)) == 1
    assert len(ids[0].strip()) == 32
    stored = json.loads(command("dump", "--json", "made.root", "--process", "MADE").out)
    assert stored["process"]["max_events"] == 2


def test_what_does_not_go_with_a_file_is_refused(command):
    Path("made_cfg.py").write_text(MADE)
    command("run", "made_cfg.py")
    for words, code, reason in (
        (["made.root", "maxEvents=3"], 7000, "takes no words"),
        (["made.root", "--process", "MAD"], 7002, "did you mean 'MADE'"),
        (["made_cfg.py", "--process", "MADE"], 7000, "--process chooses among"),
        (["none.root"], 8020, "none.root"),
    ):
        done = command("dump", *words)
        assert done.code == code & 0xFF
        assert reason in done.err
