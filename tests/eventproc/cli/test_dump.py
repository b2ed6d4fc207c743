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


def test_a_frozen_job_has_no_python_left(command):
    command("dump", FLAGSHIP, "--json", "-o", "job.json")
    done = command("dump", "job.json")
    assert done.code == 7000 & 0xFF
    assert "--json and --id show it" in done.err
