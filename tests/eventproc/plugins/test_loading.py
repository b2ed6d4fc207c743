from __future__ import annotations

import sys

import pytest

from eventproc.errors import ConfigurationError
from eventproc.plugins import COMMANDS, LAYOUTS, PLUGINS, load_plugin, plugin_names

from .conftest import Install


def test_a_plugin_is_loaded_by_name_and_only_that_one(install: Install) -> None:
    install(
        "calopkg",
        {"calo_a": "class A: pass\n", "calo_b": "1 / 0\n"},
        plugins={"CaloA": "calo_a:A", "CaloB": "calo_b:B"},
    )
    plugin = load_plugin("CaloA")
    assert isinstance(plugin, type)
    assert plugin.__name__ == "A"
    assert "calo_b" not in sys.modules


def test_names_are_listed_without_importing(install: Install) -> None:
    install("calopkg", {"calo_b": "1 / 0\n"}, plugins={"CaloB": "calo_b:B"}, layouts={"caloFlat": "calo_b:L"})
    assert "CaloB" in plugin_names(PLUGINS)
    assert "caloFlat" in plugin_names(LAYOUTS)
    assert "CaloB" not in plugin_names(COMMANDS)
    assert plugin_names(PLUGINS) == sorted(plugin_names(PLUGINS))
    assert "calo_b" not in sys.modules


def test_a_plugin_may_be_a_part_of_a_class(install: Install) -> None:
    install("calopkg", {"calo_a": "class A:\n    class Inner: pass\n"}, plugins={"Inner": "calo_a:A.Inner"})
    assert load_plugin("Inner").__qualname__ == "A.Inner"


def test_an_unknown_name_gets_near_names(install: Install) -> None:
    install("calopkg", {}, plugins={"CaloJetProducer": "calo_a:A"}, layouts={"caloFlat": "calo_a:L"})
    with pytest.raises(
        ConfigurationError, match="no plugin 'CaloJetProduser': did you mean 'CaloJetProducer'"
    ):
        load_plugin("CaloJetProduser")
    with pytest.raises(ConfigurationError, match="no layout 'caloFlt': did you mean 'caloFlat'"):
        load_plugin("caloFlt", LAYOUTS)


def test_a_module_that_does_not_exist_is_told_from_one_that_fails(install: Install) -> None:
    install(
        "calopkg",
        {
            "calo_missing": "import nowhere_to_be_found\n",
            "calo_broken": "x = 1\nraise ValueError('no fit')\n",
        },
        plugins={
            "Gone": "calo_gone.sub:A",
            "Missing": "calo_missing:A",
            "Broken": "calo_broken:A",
            "Attr": "calo_attr:Jets",
        },
    )
    with pytest.raises(ConfigurationError, match=r"\(calo_gone.sub:A, package calopkg\): the module"):
        load_plugin("Gone")
    with pytest.raises(
        ConfigurationError,
        match=r"its import failed: .*No module named 'nowhere_to_be_found' \(.*calo_missing.py:1\)",
    ):
        load_plugin("Missing")
    with pytest.raises(
        ConfigurationError, match=r"its import failed: ValueError: no fit \(.*calo_broken.py:2\)"
    ):
        load_plugin("Broken")


def test_a_name_that_the_module_lacks_gets_near_names(install: Install) -> None:
    install("calopkg", {"calo_attr": "class CaloJets: pass\n"}, plugins={"Attr": "calo_attr:CaloJet"})
    with pytest.raises(ConfigurationError, match="calo_attr has no 'CaloJet': did you mean 'CaloJets'"):
        load_plugin("Attr")


def test_an_error_of_the_framework_passes_an_import_unchanged(install: Install) -> None:
    text = "from eventproc.errors import ExternalFailure\nraise ExternalFailure('no device')\n"
    install("calopkg", {"calo_err": text}, plugins={"Err": "calo_err:A"})
    with pytest.raises(Exception, match=r"^no device$"):
        load_plugin("Err")


def test_a_wrong_default_in_a_module_is_told_with_its_place(
    install: Install,
) -> None:
    text = "from eventproc.model.input_tag import InputTag\nDEFAULT = InputTag('a:b:c:d')\n"
    install("calopkg", {"calo_tag": text}, plugins={"Tag": "calo_tag:A"})
    with pytest.raises(
        ConfigurationError,
        match=r"plugin 'Tag' \(calo_tag:A, .*its import failed: InputTag .* has 4 parts.*calo_tag.py:2\)",
    ):
        load_plugin("Tag")


def test_two_packages_with_one_name_are_both_named(install: Install) -> None:
    install("calopkg", {}, plugins={"Jets": "calo_a:A"})
    install("trackpkg", {}, plugins={"Jets": "track_a:A"})
    with pytest.raises(ConfigurationError, match="registered by two packages") as caught:
        load_plugin("Jets")
    assert "calopkg (calo_a:A)" in str(caught.value)
    assert "trackpkg (track_a:A)" in str(caught.value)


def test_one_package_found_twice_is_no_clash(install: Install) -> None:
    install("calopkg", {"calo_a": "class A: pass\n"}, plugins={"CaloA": "calo_a:A"})
    install("calopkg-editable", {}, plugins={"CaloA": "calo_a:A"})
    assert load_plugin("CaloA").__name__ == "A"


def test_a_package_installed_later_is_found(install: Install) -> None:
    install("calopkg", {"calo_a": "class A: pass\n"}, plugins={"CaloA": "calo_a:A"})
    load_plugin("CaloA")
    install("trackpkg", {"track_a": "class B: pass\n"}, plugins={"TrackA": "track_a:B"})
    assert load_plugin("TrackA").__name__ == "B"


def test_an_import_path_needs_no_registration(install: Install) -> None:
    install("calopkg", {"calo_a": "class A: pass\n"})
    assert load_plugin("calo_a:A").__name__ == "A"
    with pytest.raises(ConfigurationError, match="plugin 'calo_x:A': the module does not exist"):
        load_plugin("calo_x:A")
    with pytest.raises(ConfigurationError, match=r"':A' is no import path; write package.module:Class"):
        load_plugin(":A")
