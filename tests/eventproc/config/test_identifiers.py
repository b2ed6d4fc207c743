from __future__ import annotations

from collections.abc import Callable

import pytest

import eventproc.config as cms
from eventproc.config.parameters import frozen_value
from eventproc.errors import ConfigurationError
from eventproc.model.event_id import EventID


@pytest.mark.parametrize(
    ("typed", "frozen"),
    [
        (cms.InputTag("a"), "a"),
        (cms.InputTag("a", "b"), "a:b"),
        (cms.InputTag("a", "", "HLT"), "a::HLT"),
        (cms.InputTag("a:b:c"), "a:b:c"),
        (cms.InputTag("a::"), "a"),
        (cms.InputTag(""), ""),
        (cms.InputTag("a", "", cms.InputTag.skipCurrentProcess()), "a::@skipCurrentProcess"),
        (cms.InputTag("a", "", cms.InputTag.currentProcess()), "a::@currentProcess"),
        (cms.ESInputTag("m", "d"), "m:d"),
        (cms.EventID(1, 2, 3), "1:2:3"),
        (cms.EventID("1:2:3"), "1:2:3"),
        (cms.EventID(EventID(1, 2, 3)), "1:2:3"),
        (cms.LuminosityBlockID(1, 2), "1:2"),
        (cms.EventRange("1:2-1:max"), "1:2-1:MAX"),
        (cms.EventRange(1, 2, 3, 4, 5, 6), "1:2:3-4:5:6"),
        (cms.EventRange("1:2:3"), "1:2:3"),
        (cms.LuminosityBlockRange("1:2-3:4"), "1:2-3:4"),
        (cms.LuminosityBlockRange(1, 2, 3, 4), "1:2-3:4"),
        (cms.VInputTag("a", cms.InputTag("b", "c")), ["a", "b:c"]),
        (cms.VEventID("1:2:3", cms.EventID(4, 5, 6)), ["1:2:3", "4:5:6"]),
        (cms.VLuminosityBlockRange("1:2-1:9"), ["1:2-1:9"]),
    ],
)
def test_an_identifier_freezes_to_its_text(typed: object, frozen: object) -> None:
    assert frozen_value(typed, "x") == frozen


@pytest.mark.parametrize(
    "build",
    [
        lambda: cms.InputTag("a:b:c:d"),
        lambda: cms.InputTag("", "b"),
        lambda: cms.InputTag("a b"),
        lambda: cms.InputTag(3),
        lambda: cms.InputTag("a:b", "c", "d"),
        lambda: cms.ESInputTag("a:b:c"),
        lambda: cms.EventID(1, 2),
        lambda: cms.EventID("x"),
        lambda: cms.EventRange("1:2:3:4"),
        lambda: cms.LuminosityBlockRange("1-2-3"),
        lambda: cms.VInputTag("a", 3),
    ],
)
def test_what_is_no_identifier_is_refused(build: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError, match=r"test_identifiers.py:\d+: cms\."):
        build()


def test_the_parts_of_an_input_tag_can_be_read_and_changed() -> None:
    tag = cms.InputTag("a", "b", "c")
    assert (tag.moduleLabel, tag.productInstanceLabel, tag.processName) == ("a", "b", "c")
    assert (tag.getModuleLabel(), tag.getProductInstanceLabel(), tag.getProcessName()) == ("a", "b", "c")
    tag.moduleLabel, tag.productInstanceLabel, tag.processName = "x", "", "HLT"
    assert str(tag) == "x::HLT"
    tag.processName = ""
    assert str(tag) == "x"


def test_input_tags_compare_with_tags_and_text() -> None:
    assert cms.InputTag("a", "b") == "a:b:"
    assert cms.InputTag("a") == cms.InputTag("a::")
    assert cms.InputTag("a") != cms.InputTag("b")
    assert cms.InputTag("a") in cms.VInputTag("b", "a")
