"""Every exit code of the framework, reached as users reach it: through the command line."""

import signal
from pathlib import Path

import pytest
import uproot

from eventproc import errors
from tests.integration.conftest import ROOT, run_command

HEAD = """
import eventproc.config as cms
M = "tests.integration.modules:"
process = cms.Process("{name}")
process.source = cms.Source("EmptySource")
process.maxEvents.input = 2
"""


def job(lines, name="TEST"):
    return HEAD.format(name=name) + lines


def failing(kind):
    return job(f"process.m = cms.EDProducer(M + 'Fail', kind={kind!r})\nprocess.p = cms.Path(process.m)")


def signalled(name):
    return job(
        f"process.m = cms.EDAnalyzer(M + 'SendSignal', name={name!r})\nprocess.p = cms.Path(process.m)\n"
        "process.maxEvents.input = 200000"
    )


def reading(*files):
    return job(
        f"process.source = cms.Source('PoolSource', fileNames={list(files)!r})\n"
        "process.m = cms.EDAnalyzer(M + 'ExpectCount', input='a', add=0)\nprocess.p = cms.Path(process.m)",
        "READ",
    )


def writing(label, file):
    return job(
        f"process.{label} = cms.EDProducer(M + 'MakeCount')\nprocess.p = cms.Path(process.{label})\n"
        f"process.out = cms.OutputModule('PoolOutputModule', fileName={file!r})\n"
        "process.e = cms.EndPath(process.out)",
        "WRITE",
    )


FILTERED = job("""
process.never = cms.EDFilter(M + "Divisible", by=1000)
process.a = cms.EDProducer(M + "MakeCount")
process.b = cms.EDProducer(M + "MakeCount", input="a")
process.p = cms.Path(process.never + process.a)
process.q = cms.Path(process.b)
""")

TWICE = job("process.m = cms.EDProducer(M + 'PutTwice')\nprocess.p = cms.Path(process.m)")

LOST = job("""
process.options.externalWorkTimeout = 0.1
process.m = cms.EDProducer(M + "Lost")
process.p = cms.Path(process.m)
""")

CASES = {
    7000: (job(""), "neverRead=1"),
    7001: (None,),
    7002: ("process = cms.Process(",),
    8001: (failing("EventProcError"),),
    8002: (failing("ZeroDivisionError"),),
    8004: (failing("MemoryError"),),
    8006: (FILTERED,),
    8009: (job("process.m = cms.EDProducer('NoSuchPlugin')\nprocess.p = cms.Path(process.m)"),),
    8010: (TWICE,),
    8015: (LOST,),
    8016: (failing("EventCorruption"),),
    8020: (reading("missing.root"),),
    8021: (reading("damaged.root"),),
    8023: (reading("a.root", "b.root"),),
    8033: (writing("a", "nowhere/out.root"),),
    8035: (failing("UnavailableAccelerator"),),
    8036: (failing("ExternalFailure"),),
    8901: (signalled("SIGKILL"),),
    9000: (signalled("SIGTERM"),),
}
"""By code: the job file, and what follows it on the command line."""

SHELL_CODES = {8901: -signal.SIGKILL, 9000: 128 + signal.SIGTERM}
"""Where it is not the code modulo 256: a killed process cannot choose, a signal has a custom of its own."""


def run(folder, text, *words):
    if text is not None:
        (folder / "job_cfg.py").write_text(text)
    return run_command(folder, "run", "job_cfg.py", *words, PYTHONPATH=str(ROOT))


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    """A folder with files of two jobs that make different products, and a damaged copy of one."""
    folder = tmp_path_factory.mktemp("files")
    for label in ("a", "b"):
        done = run(folder, writing(label, f"{label}.root"))
        assert done.code == 0, done.err
    with uproot.open(folder / "a.root") as file:
        branch = file["Events"]["a_value"]
        begin = branch.member("fBasketSeek")[0]
    content = bytearray((folder / "a.root").read_bytes())
    content[begin : begin + 32] = b"\xff" * 32
    (folder / "damaged.root").write_bytes(content)
    return folder


@pytest.mark.parametrize("code", CASES)
def test_a_job_ends_with_the_code_that_says_why(code, files, tmp_path):
    for file in files.glob("*.root"):
        (tmp_path / file.name).symlink_to(file)
    done = run(tmp_path, *CASES[code])
    assert done.code == SHELL_CODES.get(code, code & 0xFF), done.err
    assert done.report["exit_code"] == code
    assert f'ExitStatus="{code}"' in (tmp_path / "FrameworkJobReport.xml").read_text()
    assert "Traceback" not in done.err
    if code != 8901:
        assert f"exit code {code} (" in done.err


def test_every_error_of_the_framework_has_a_row():
    def below(kind):
        return {kind, *(deeper for direct in kind.__subclasses__() for deeper in below(direct))}

    known = {kind for kind in below(errors.EventProcError) if kind.__module__ == errors.__name__}
    assert {kind.exit_code for kind in known} == set(CASES)
