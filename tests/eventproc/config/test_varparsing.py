from __future__ import annotations

import sys
from pathlib import Path

import pytest

from eventproc.config.varparsing import VarParsing
from eventproc.config.words import words_given
from eventproc.errors import CommandLineError

ONE, MANY = VarParsing.multiplicity.singleton, VarParsing.multiplicity.list
BOOL, INT, FLOAT, STRING = (
    VarParsing.varType.bool,
    VarParsing.varType.int,
    VarParsing.varType.float,
    VarParsing.varType.string,
)


def parsed(*words: str, options: VarParsing | None = None) -> VarParsing:
    options = options or VarParsing("analysis")
    with words_given(Path("job_cfg.py"), words):
        options.parseArguments()
    return options


def registered() -> VarParsing:
    options = VarParsing("analysis")
    options.register("jetEtMin", 20.0, ONE, FLOAT, "ET cut")
    options.register("streams", 1, ONE, INT, "streams")
    options.register("summary", False, ONE, BOOL, "print a summary")
    options.register("servers", "", MANY, STRING, "addresses")
    options.register("numbers", [1, 2], MANY, INT, "numbers")
    return options


def test_the_standard_options_have_cms_defaults() -> None:
    options = parsed()
    assert (options.maxEvents, options.section, options.totalSections) == (-1, 0, 0)
    assert options.inputFiles == options.secondaryInputFiles == []
    assert (options.outputFile, options.secondaryOutputFile) == ("output.root", "")


def test_the_old_set_of_options_is_there() -> None:
    options = parsed("files=a,b", "output=x.root", options=VarParsing("standard"))
    assert (options.files, options.output, options.secondaryFiles) == (["a", "b"], "x.root", [])


def test_words_become_values_of_the_registered_type() -> None:
    options = parsed(
        "maxEvents=0x10",
        "section=01",
        "totalSections=1",
        "jetEtMin=2e1",
        "servers=http://a:1,http://b:2",
        "--streams=8",
        options=registered(),
    )
    assert (options.maxEvents, options.jetEtMin, options.streams) == (16, 20.0, 8)
    assert type(options.jetEtMin) is float
    assert options.servers == ["http://a:1", "http://b:2"]


def test_a_value_may_hold_equals_signs() -> None:
    assert parsed("outputFile=a=b.root").outputFile == "a=b.root"


@pytest.mark.parametrize("word", ["True", "true", "t", "YES", "y", "on", "1"])
def test_true_is_spelled_in_many_ways(word: str) -> None:
    assert parsed(f"summary={word}", options=registered()).summary is True


@pytest.mark.parametrize("word", ["False", "f", "no", "N", "off", "0"])
def test_false_is_spelled_in_many_ways(word: str) -> None:
    options = registered()
    options.summary = True
    assert parsed(f"summary={word}", options=options).summary is False


def test_lists_grow_by_commas_and_repetition_and_replace_their_default() -> None:
    options = parsed("inputFiles=a,b", "inputFiles=c,,", "numbers=7", options=registered())
    assert options.inputFiles == ["a", "b", "c"]
    assert options.numbers == [7]
    assert parsed(options=registered()).numbers == [1, 2]


def test_a_list_can_keep_commas_and_its_default() -> None:
    options = VarParsing()
    options.register("a", ["x"], MANY, STRING, noCommaSplit=True, noDefaultClear=True)
    options.register("b", ["x"], MANY, STRING)
    options.setNoCommaSplit("b")
    options.setNoDefaultClear("b")
    parsed("a=1,2", "b=1,2", options=options)
    assert options.a == options.b == ["x", "1,2"]


def test_a_list_is_loaded_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "files.txt").write_text("a.root # first\n\n# none\n  b.root\n")
    options = parsed("inputFiles=z.root", f"inputFiles_load={tmp_path / 'files.txt'}")
    assert options.inputFiles == ["z.root", "a.root", "b.root"]


def test_a_list_is_cleared() -> None:
    options = registered()
    assert parsed("numbers_clear", options=options).numbers == []
    assert parsed("numbers=3", "numbers_clear=", "numbers=4", options=registered()).numbers == [4]


def test_the_output_is_called_as_it_was_typed() -> None:
    assert parsed("outputFile=o.root", "maxEvents=50").outputFile == "o.root"


def test_the_event_tag_of_cms_is_there_when_asked_for() -> None:
    def tagged(*words: str) -> VarParsing:
        return parsed(*words, options=VarParsing("analysis", eventTag=True))

    assert tagged("outputFile=o.root", "maxEvents=50").outputFile == "o_numEvent50.root"
    assert tagged("outputFile=o.root").outputFile == "o.root"
    assert tagged("maxEvents=50").secondaryOutputFile == ""


def test_own_tags_follow_their_condition() -> None:
    options = registered()
    options.setupTags(tag="summed", ifCond="summary")
    options.setupTags(tag="et%d", ifCond="jetEtMin >= 30", tagArg="jetEtMin")
    assert parsed(options=options).outputFile == "output.root"
    assert parsed("summary=1", "jetEtMin=30", options=options).outputFile == "output_summed_et30.root"


def test_a_section_takes_its_share_of_the_files() -> None:
    files = [f"{number}.root" for number in range(10)]
    shares = [
        parsed(f"inputFiles={','.join(files)}", f"section={section}", "totalSections=3").inputFiles
        for section in (1, 2, 3)
    ]
    assert [file for share in shares for file in share] == files
    assert {len(share) for share in shares} == {3, 4}


def test_help_prints_the_options_and_ends(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed("help", "nonsense=3", options=registered())
    assert caught.value.code == 0
    printed = capsys.readouterr().out
    assert "jetEtMin" in printed
    assert "ET cut" in printed
    assert "NAME_load=FILE" in printed


def test_print_shows_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    parsed("maxEvents=77", "print")
    assert "77" in capsys.readouterr().out
    parsed("maxEvents=77", "print", "noprint")
    assert capsys.readouterr().out == ""


def test_options_can_be_set_by_the_job_file_before() -> None:
    options = registered()
    options.maxEvents = 10
    options.inputFiles = "a.root", "b.root"
    options.setDefault("jetEtMin", 5)
    options.setType("streams", STRING)
    parsed(options=options)
    assert (options.maxEvents, options.inputFiles, options.jetEtMin) == (10, ["a.root", "b.root"], 5.0)
    assert options.streams == "1"
    assert options.has_key("streams")
    assert not options.has_key("stream")
    assert parsed("inputFiles=c.root", options=options).inputFiles == ["c.root"]


def test_multiple_assign_lets_the_last_one_win() -> None:
    assert parsed("maxEvents=1", "maxEvents=2", "multipleAssign").maxEvents == 2


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["maxEvts=3"], "no option 'maxEvts': did you mean 'maxEvents'"),
        (["maxEvents=many"], "option maxEvents=many: 'many' is not a whole number"),
        (["maxEvents=2.5"], "'2.5' is not a whole number"),
        (["jetEtMin=x"], "'x' is not a number"),
        (["summary=maybe"], "'maybe' is not true or false"),
        (["maxEvents=1", "maxEvents=2"], "given twice .*multipleAssign"),
        (["numbers=1,x"], "'x' is not a whole number"),
        (["inputFiles_lod=x"], "no command 'lod': there are inputFiles_load=FILE"),
        (["maxEvents_clear"], "option 'maxEvents' is not a list"),
        (["inputFles_clear"], "no option 'inputFles': did you mean 'inputFiles'"),
        (["inputFiles_load=/nowhere/x"], "the file cannot be read: No such file"),
        (["maxEvents"], "neither name=value nor a command: did you mean 'maxEvents=...'"),
        (["sumary"], "neither name=value nor a command"),
        (["section=4", "totalSections=3"], "section counts from 1"),
        (["section=1"], "section counts from 1"),
    ],
)
def test_a_word_that_cannot_be_used_is_refused(words: list[str], message: str) -> None:
    with pytest.raises(CommandLineError, match=message):
        parsed(*words, options=registered())


def test_a_list_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CommandLineError, match="it is not text"):
        parsed(f"inputFiles_load={tmp_path / 'x'}")


@pytest.mark.parametrize("name", ["a_b", "", "1a", "help", "register", "print"])
def test_a_name_that_cannot_be_an_option_is_refused(name: str) -> None:
    with pytest.raises(CommandLineError, match="an option cannot be called"):
        VarParsing().register(name, 1)


def test_wrong_registrations_are_refused() -> None:
    options = VarParsing("analysis")
    with pytest.raises(CommandLineError, match="registered twice"):
        options.register("maxEvents", 1)
    with pytest.raises(CommandLineError, match="a tagString is a singleton"):
        options.register("outs", "", MANY, VarParsing.varType.tagString)
    with pytest.raises(CommandLineError, match="'x' is not a whole number"):
        options.register("count", "x", ONE, INT)
    with pytest.raises(CommandLineError, match="no set of options 'analyses': did you mean 'analysis'"):
        VarParsing("analyses")
    with pytest.raises(CommandLineError, match="takes one value, not 2"):
        options.setDefault("maxEvents", 1, 2)
    with pytest.raises(CommandLineError, match="does not read like"):
        options.setupTags(tag="x", ifCond="maxEvents > many")
    with pytest.raises(AttributeError, match="no option 'maxEvent': did you mean 'maxEvents'"):
        _ = options.maxEvent


def test_words_of_plain_python_are_those_after_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["cmsRun", "job_cfg.py", "maxEvents=4"])
    options = VarParsing("analysis")
    options.parseArguments()
    assert options.maxEvents == 4


@pytest.mark.parametrize(
    ("default", "word", "value"),
    [
        (1, "3", 3),
        (0.5, "3", 3.0),
        (False, "True", True),
        ("x", "3", "3"),
        ([], "a,b", ["a", "b"]),
        ([1], "3,4", [3, 4]),
        ("", "3", 3),
    ],
)
def test_an_option_without_type_takes_that_of_its_default(default: object, word: str, value: object) -> None:
    options = VarParsing()
    options.register("it", default, info="an option")
    assert parsed(f"it={word}", options=options).it == value
