"""What answers at once must not load what is slow: heavy libraries are imported when they are used."""

import subprocess
import sys

import pytest

HEAVY = (
    "numpy",
    "asyncio",
    "numba",
    "awkward",
    "uproot",
    "fastjet",
    "openvino",
    "matplotlib",
    "hist",
    "aiohttp",
    "onnxruntime",
)

CHILD = """
import sys
from eventproc.cli.main import main
sys.argv = ["eventproc", *sys.argv[1:]]
try:
    main()
except SystemExit as ending:
    code = ending.code
print("LOADED", *(name for name in {heavy!r} if name in sys.modules))
raise SystemExit(code)
"""


def loaded_by(folder, *words):
    done = subprocess.run(
        [sys.executable, "-c", CHILD.format(heavy=HEAVY), *words],
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.rsplit("LOADED", 1)[1].split(), done


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["run", "--help"]])
def test_help_loads_nothing_heavy(tmp_path, words):
    code, loaded, done = loaded_by(tmp_path, *words)
    assert (code, loaded) == (0, []), done.stderr


def test_a_wrong_job_file_is_told_before_numpy_and_the_event_loop_are_loaded(tmp_path):
    (tmp_path / "job_cfg.py").write_text(
        "import eventproc.config as cms\nprocess = cms.Process('X')\nprocess.p = cms.Path(process.nothing)\n"
    )
    code, loaded, done = loaded_by(tmp_path, "run", "job_cfg.py")
    assert code not in (0, 1), done.stderr
    assert loaded == []


def test_a_word_that_is_no_command_offers_the_near_one(tmp_path):
    code, _, done = loaded_by(tmp_path, "rnu")
    assert code == 7000 & 0xFF
    assert "run" in done.stderr
