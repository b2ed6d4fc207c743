import subprocess
import sys

from tests.eventproc.cli.test_startup import loaded_by

PARAMS = '''
"""A package of somebody else."""
from typing import Annotated, Literal
import msgspec
from eventproc.modules import EDFilter as Base, ParameterDescription, doc
from eventproc.model.input_tag import InputTag

class Inner(ParameterDescription):
    depth: Annotated[int, doc("how deep")] = 2

class Chooser(Base):
    """Chooses events.

    More about it.
    """
    class Params(ParameterDescription):
        src: Annotated[InputTag, doc("what to look at")]
        how: Annotated[Literal["a", "b"], doc("which way", untracked=True)] = "a"
        cuts: list[float] = msgspec.field(default_factory=lambda: [1.5])
        inner: Annotated[Inner, doc("nested")] = msgspec.field(default_factory=Inner)
    def __init__(self, params, declare): ...
    def filter(self, event): return True
'''


def test_all_plugins_are_listed_by_kind_with_their_first_sentence(command):
    done = command("plugins")
    assert done.code == 0
    lines = done.out.splitlines()
    titles = [line for line in lines if not line.startswith(" ")]
    assert titles[0] == "Source"
    assert "Others" not in titles
    place = {line.split()[0]: n for n, line in enumerate(lines)}
    assert place["Source"] < place["PoolSource"] < place["EDProducer"] < place["TopTagger"]
    assert place["OutputModule"] < place["PoolOutputModule"] < place["Service"] < place["Timing"]
    assert "anti-kT" in lines[place["EcalJetProducer"]]
    assert place["Layouts"] < place["native"] < place["Commands"] < place["compare"]


def test_the_list_imports_no_plugin(tmp_path):
    code, loaded, done = loaded_by(tmp_path, "plugins")
    assert (code, loaded) == (0, []), done.stderr


def test_parameters_are_shown_as_a_job_file_writes_them(command):
    lines = [line.split() for line in command("plugins", "TopTagger").out.splitlines()]
    assert ["modelName", "string", "required"] in lines
    assert ["timeout", "untracked.int32", "=", "60"] in lines
    assert ["must", "be", ">=", "1"] in lines
    assert ["images", "InputTag", "=", "'jetImages'"] in lines
    assert ["one", "of", "'seconds',", "'milliseconds',", "'microseconds'"] in lines


def test_a_plugin_of_another_package_is_listed_and_described(command, install):
    install("somebody", {"choosing": PARAMS}, plugins={"Chooser": "choosing:Chooser"})
    listed = command("plugins").out
    assert "Chooses events.  (somebody)" in listed
    assert "choosing" not in sys.modules
    done = command("plugins", "Chooser")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0] == "Chooser  cms.EDFilter, choosing:Chooser"
    assert "  More about it." in lines
    words = [line.split() for line in lines]
    assert ["src", "InputTag", "required"] in words
    assert ["how", "untracked.string", "=", "'a'"] in words
    assert ["cuts", "vdouble", "=", "[1.5]"] in words
    assert ["inner", "PSet"] in words
    assert ["inner.depth", "int32", "=", "2"] in words


def test_a_layout_and_a_command_are_described_too(command):
    assert "flatRecHits  layout" in command("plugins", "flatRecHits").out
    assert "eventproc compare --help" in command("plugins", "compare").out


def test_a_misspelt_name_offers_the_near_one(command):
    done = command("plugins", "EcalJetProduser")
    assert done.code == 8009 & 0xFF
    assert "did you mean 'EcalJetProducer'" in done.err


def test_a_package_that_does_not_import_does_not_take_the_lists_away(command, install):
    install("broken", {"breaking": "raise OSError('no')"}, commands={"boom": "breaking:boom"})
    assert command("--help").code == 0
    assert "boom" in command("plugins").out
    done = command("boom")
    assert done.code == 8009 & 0xFF
    assert "its import failed" in done.err


def test_outlines_do_not_depend_on_what_is_imported():
    script = (
        "from eventproc.plugins.outline import plugin_outlines\n"
        "assert {o.name: o.kind for o in plugin_outlines()}['TopTagger'] == 'EDProducer'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
