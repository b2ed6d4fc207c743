from types import SimpleNamespace

import pytest

from eventproc.errors import ConfigurationError, FileOpenError, ProductNotFound
from eventproc.io.reading.layout import Layout, make_layouts, open_with
from eventproc.io.reading.native_layout import NativeLayout
from eventproc.io.root.root_file import NotInFile

FILE = SimpleNamespace(pfn="in.root")
OPENED = SimpleNamespace()


class Recognises(Layout):
    def __init__(self, params):
        pass

    def open(self, file):
        return OPENED


class Refuses(Layout):
    def __init__(self, error):
        self._error = error

    def open(self, file):
        raise self._error


def test_a_layout_is_found_by_its_name():
    assert isinstance(make_layouts("native", {})["native"], NativeLayout)


def test_auto_stands_for_every_layout():
    assert {"native", "flatRecHits", "edmRecHits"} <= make_layouts("auto", {}).keys()


def test_a_misspelt_layout_is_refused_with_the_near_name():
    with pytest.raises(ConfigurationError, match="no layout 'nativ': did you mean 'native'"):
        make_layouts("nativ", {})


def test_parameters_belong_to_a_named_layout():
    with pytest.raises(ConfigurationError, match=r"'rawId'.* need a layout to belong to"):
        make_layouts("auto", {"rawId": "x"})


def test_a_misspelt_parameter_of_a_layout_is_refused():
    with pytest.raises(ConfigurationError, match=r"layout 'native' \(NativeLayout\): no parameter 'rawId'"):
        make_layouts("native", {"rawId": "x"})


def test_a_plugin_that_is_no_layout_is_refused():
    with pytest.raises(ConfigurationError, match="must be a class derived from Layout"):
        make_layouts("eventproc.io.reading.pool_source:PoolSource", {})


def test_the_layout_that_recognises_a_file_opens_it():
    layouts = {"a": Refuses(FileOpenError("no tree")), "b": Recognises(None)}
    assert open_with(layouts, FILE) is OPENED


def test_two_layouts_that_recognise_a_file_leave_the_choice_to_the_user():
    with pytest.raises(ConfigurationError, match=r"layouts 'a' and 'b' .*'in.root'.* layout="):
        open_with({"a": Recognises(None), "b": Recognises(None)}, FILE)


def test_a_single_layout_says_itself_why_it_refuses():
    refusal = ProductNotFound("no branch 'x'")
    with pytest.raises(ProductNotFound) as error:
        open_with({"a": Refuses(refusal)}, FILE)
    assert error.value is refusal


def test_a_file_that_nobody_recognises_comes_with_everybodys_reason():
    layouts = {"a": Refuses(NotInFile("no tree")), "b": Refuses(NotInFile("no key"))}
    with pytest.raises(NotInFile, match=r"'in.root':\n  a: no tree\n  b: no key"):
        open_with(layouts, FILE)


@pytest.mark.parametrize("error", [ProductNotFound("no branch"), FileOpenError("damaged")])
def test_a_layout_that_knows_the_file_as_its_own_has_the_word(error):
    layouts = {"a": Refuses(NotInFile("no tree")), "b": Refuses(error), "c": Refuses(NotInFile("no key"))}
    with pytest.raises(type(error)) as raised:
        open_with(layouts, FILE)
    assert raised.value is error


def test_two_layouts_that_know_the_file_as_their_own_both_have_the_word():
    layouts = {"a": Refuses(ProductNotFound("no x")), "b": Refuses(ProductNotFound("no y"))}
    with pytest.raises(ProductNotFound, match=r"a: no x\n  b: no y"):
        open_with(layouts, FILE)
    layouts["b"] = Refuses(FileOpenError("damaged"))
    with pytest.raises(FileOpenError, match=r"a: no x\n  b: damaged"):
        open_with(layouts, FILE)
