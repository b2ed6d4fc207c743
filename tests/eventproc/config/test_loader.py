from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from eventproc.config.freeze import freeze
from eventproc.config.loader import load_process
from eventproc.errors import (
    CommandLineError,
    ConfigFileNotFound,
    ConfigFileReadError,
    ConfigurationError,
    EventProcError,
)

from .conftest import LoadText

JOB = """
    import eventproc.config as cms
    process = cms.Process("TEST")
    process.source = cms.Source("EmptySource")
"""


def failure(
    load_text: LoadText, text: str, kind: type[EventProcError] = ConfigFileReadError, **files: str
) -> str:
    with pytest.raises(kind) as caught:
        load_text(text, **files)
    return str(caught.value)


def test_a_job_file_is_a_script_of_its_own(load_text: LoadText, tmp_path: Path) -> None:
    process = load_text(
        JOB
        + """
    import sys
    from dataclasses import dataclass

    @dataclass
    class Local:
        x: "int" = 3

    if __name__ == "__main__":
        process.a = cms.EDProducer("A", file=__file__, argv=list(sys.argv), x=Local().x)
    """,
        "one=1",
    )
    assert process.a.file == str(tmp_path / "job_cfg.py")
    assert process.a.argv == [str(tmp_path / "job_cfg.py"), "one=1"]
    assert process.a.where_() == f"{tmp_path / 'job_cfg.py'}:14"


def test_loading_leaves_nothing_behind(load_text: LoadText) -> None:
    before = (sys.modules["__main__"], list(sys.path), list(sys.argv), set(sys.modules))
    load_text(JOB + "\n    import FWCore.ParameterSet.Config, frag_cff\n", frag_cff="x = 3")
    assert (sys.modules["__main__"], sys.path, sys.argv, set(sys.modules)) == before


def test_loading_leaves_nothing_behind_after_an_error(load_text: LoadText) -> None:
    before = (sys.modules["__main__"], list(sys.path), list(sys.argv), set(sys.modules))
    failure(load_text, "import frag_cff\n1 / 0", frag_cff="x = 3")
    assert (sys.modules["__main__"], sys.path, sys.argv, set(sys.modules)) == before


def test_fragments_are_found_beside_the_job_file_and_imported_anew(load_text: LoadText) -> None:
    fragment = """
        import eventproc.config as cms
        jets = cms.EDProducer("Jets", cut=cms.double(1))
        seq = cms.Sequence(jets)
        _hidden = cms.EDProducer("Hidden")
    """
    text = (
        JOB
        + """
    process.load("frag_cff")
    process.jets.cut = process.jets.cut.value() + 1
    process.p = cms.Path(process.seq)
    """
    )
    for _ in range(2):
        process = load_text(text, frag_cff=fragment)
        assert process.jets.cut == 2
        assert list(process.modules_()) == ["jets"]
        assert freeze(process).paths[0].steps[0].label == "jets"


def test_a_fragment_in_a_package_is_loaded_with_slashes_too(load_text: LoadText, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "a_cff.py").write_text("import eventproc.config as cms\na = cms.EDProducer('A')\n")
    process = load_text(JOB + "\n    process.load('pack/a_cff.py')\n    process.load('pack.a_cff')\n")
    assert list(process.modules_()) == ["a"]
    assert "pack.a_cff" not in sys.modules


def test_a_fragment_imported_from_a_package_is_new_for_every_job_file(
    load_text: LoadText, tmp_path: Path
) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "a_cff.py").write_text(
        "import eventproc.config as cms\na = cms.EDProducer('A', x=1)\n"
    )
    for _ in range(2):
        process = load_text(
            JOB + "\n    from pack import a_cff\n    process.a = a_cff.a\n    process.a.x += 1\n"
        )
        assert process.a.x == 2


def test_a_missing_fragment_gets_near_names(load_text: LoadText) -> None:
    message = failure(load_text, JOB + "\n    process.load('jet_cff')\n", ConfigurationError, jets_cff="")
    assert "job_cfg.py:6: process.load: there is no 'jet_cff': did you mean 'jets_cff'?" in message


def test_where_no_fragment_lies_the_error_says_what_names_others(load_text: LoadText) -> None:
    message = failure(load_text, JOB + "\n    process.load('jet_cff')\n", ConfigurationError)
    assert "there is no 'jet_cff': none lies beside the job file; PYTHONPATH can name" in message


def test_a_fragment_that_imports_something_missing_shows_its_own_line(load_text: LoadText) -> None:
    message = failure(
        load_text, JOB + "\n    process.load('jets_cff')\n", jets_cff="\nimport nowhere_to_be_found\n"
    )
    assert 'jets_cff.py", line 2' in message
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in message


def test_a_cmssw_file_runs_unchanged(load_text: LoadText) -> None:
    process = load_text(
        """
        import FWCore.ParameterSet.Config as cms
        from FWCore.ParameterSet.VarParsing import VarParsing
        import FWCore.ParameterSet.VarParsing as Module
        from FWCore.ParameterSet.MassReplace import massReplaceInputTag
        options = VarParsing("analysis")
        options.register("cut", 20., Module.VarParsing.multiplicity.singleton,
                         VarParsing.varType.float, "a cut")
        options.parseArguments()
        process = cms.Process("TEST")
        process.maxEvents = cms.untracked.PSet(input = cms.untracked.int32(options.maxEvents))
        process.source = cms.Source("PoolSource", fileNames = cms.untracked.vstring(options.inputFiles))
        process.jets = cms.EDProducer("Jets", src = cms.InputTag("hits"), cut = cms.double(options.cut))
        process.out = cms.OutputModule("PoolOutputModule", fileName = cms.string(options.outputFile))
        process.p = cms.Path(process.jets)
        process.e = cms.EndPath(process.out)
        process.schedule = cms.Schedule(process.p, process.e)
        massReplaceInputTag(process, "hits", "cleaned")
        """,
        "inputFiles=a.root,b.root",
        "maxEvents=50",
        "outputFile=o.root",
        "cut=30",
    )
    frozen = freeze(process)
    assert frozen.max_events == 50
    assert frozen.source.parameters == {"fileNames": ["a.root", "b.root"]}
    assert frozen.source.untracked == ("fileNames",)
    assert frozen.modules[0].parameters == {"src": "cleaned", "cut": 30.0}
    assert frozen.modules[1].parameters == {"fileName": "o.root"}


def test_an_alias_of_cmssw_does_not_outlive_the_loading(load_text: LoadText) -> None:
    load_text(JOB)
    with pytest.raises(ModuleNotFoundError):
        __import__("FWCore.ParameterSet.Config")


def test_argparse_sees_the_words(load_text: LoadText) -> None:
    process = load_text(
        JOB
        + """
    import argparse
    parser = argparse.ArgumentParser()
    parser.add_argument("--cut", type=float)
    process.a = cms.EDProducer("A", cut=parser.parse_args().cut)
    """,
        "--cut",
        "3.5",
    )
    assert process.a.cut == 3.5


@pytest.mark.parametrize(
    "look", ["sys.argv[1]", "len(sys.argv)", "'debug' in sys.argv", "[w for w in sys.argv]"]
)
def test_any_look_at_the_command_line_counts(load_text: LoadText, look: str) -> None:
    assert load_text(JOB + f"\n    import sys\n    {look}\n", "maxEvents=3").name_() == "TEST"


def test_words_that_nobody_reads_are_refused(load_text: LoadText) -> None:
    with pytest.raises(CommandLineError, match="reads no words, 'maxEvents=3' has no effect"):
        load_text(JOB, "maxEvents=3")
    with pytest.raises(CommandLineError, match="reads no words"):
        load_text(JOB + "\n    options = cms.VarParsing('analysis')\n", "maxEvents=3")


def test_modifiers_are_out_of_force_for_the_next_job_file(load_text: LoadText) -> None:
    text = """
        import eventproc.config as cms
        import eventproc.config.modifiers
        chosen = cms.Modifier()
        before = len(eventproc.config.modifiers._CHOSEN)
        process = cms.Process("TEST", chosen)
        process.a = cms.EDProducer("A", before=before)
        chosen.toModify(process.a, new=1)
    """
    for _ in range(2):
        process = load_text(text)
        assert process.a._frozen_parameters() == {"before": 0, "new": 1}


def test_a_missing_file_gets_near_names(tmp_path: Path) -> None:
    (tmp_path / "top_tagging_cfg.py").touch()
    with pytest.raises(
        ConfigFileNotFound, match=r"'.*top_taging_cfg.py' does not exist: did you mean 'top_tagging"
    ):
        load_process(tmp_path / "top_taging_cfg.py")
    with pytest.raises(ConfigFileNotFound, match="does not exist: its folder holds no Python file"):
        load_process(tmp_path / "nowhere" / "a_cfg.py")


def test_a_folder_is_not_a_job_file(tmp_path: Path) -> None:
    (tmp_path / "a_cfg.py").touch()
    with pytest.raises(ConfigFileNotFound, match=r"is a folder, not a job file: .*'a_cfg.py'"):
        load_process(tmp_path)


def test_a_path_through_a_file_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "a_cfg.py").touch()
    with pytest.raises(ConfigFileNotFound, match="cannot be read: Not a directory"):
        load_process(tmp_path / "a_cfg.py" / "b_cfg.py")


def test_a_syntax_error_shows_the_line(load_text: LoadText) -> None:
    message = failure(load_text, "import eventproc.config as cms\nprocess = cms.Process(\n")
    assert "is not Python" in message
    assert 'job_cfg.py", line 2' in message
    assert "process = cms.Process(" in message
    assert "SyntaxError: '(' was never closed" in message


def test_a_file_that_nests_too_deeply_is_not_python(load_text: LoadText) -> None:
    assert "RecursionError" in failure(load_text, "x = " + "1 + " * 20000 + "1\n")


@pytest.mark.parametrize("content", [b"root\x00\x00\xff\xfe", b"\xff\xfe\x00binary", b"a = '\xe9'"])
def test_a_binary_file_is_not_python(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "sample.root"
    path.write_bytes(content)
    with pytest.raises(ConfigFileReadError, match="is not Python"):
        load_process(path)


def test_an_exception_shows_the_users_lines_only(load_text: LoadText) -> None:
    message = failure(
        load_text,
        JOB + "\n    import helper\n    process.a = helper.build(cms)\n",
        helper="def build(cms):\n    return cms.EDProducer('A') + 3\n",
    )
    assert 'job_cfg.py", line 7, in <module>\n    process.a = helper.build(cms)' in message
    assert "helper.py\", line 2, in build\n    return cms.EDProducer('A') + 3" in message
    assert "TypeError: unsupported operand" in message
    assert "loader.py" not in message
    assert "sequences.py" not in message


def test_an_error_of_the_language_passes_unchanged(load_text: LoadText) -> None:
    message = failure(
        load_text, JOB + "\n    process.a = cms.EDProducer('A', x=cms.int32('3'))\n", ConfigurationError
    )
    assert message.endswith("job_cfg.py:6: cms.int32: '3' is not a whole number")
    text = "import eventproc.config as cms\ncms.VarParsing('analysis').parseArguments()\n"
    with pytest.raises(CommandLineError):
        load_text(text, "maxEvts=3")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "import eventproc.config as cms\n",
            r"it defines no variable 'process'; write process = cms.Process",
        ),
        (
            "import eventproc.config as cms\nproc = cms.Process('A')\n",
            r"'proc' is a cms.Process: call it 'process'",
        ),
        ("process = 3\n", r"its variable 'process' is a int, not a cms.Process"),
        ("", r"it defines no variable 'process'"),
    ],
)
def test_a_file_without_a_process_is_refused(load_text: LoadText, text: str, message: str) -> None:
    with pytest.raises(ConfigFileReadError, match=message):
        load_text(text)


def test_a_job_file_may_end_the_program(load_text: LoadText) -> None:
    with pytest.raises(SystemExit) as caught:
        load_text("import sys\nsys.exit(3)\n")
    assert caught.value.code == 3


def test_the_language_does_not_import_what_only_running_needs() -> None:
    text = (
        "import sys, eventproc.config, eventproc.config.loader, eventproc.config.freeze, eventproc.plugins\n"
        "print([name for name in ('numpy', 'uproot', 'msgspec', 'asyncio') if name in sys.modules])"
    )
    output = subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, check=True, timeout=60
    )
    assert output.stdout.strip() == "[]"
