from __future__ import annotations

import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.descriptions import ComponentDescription
from eventproc.modules import EDFilter, EDProducer, ExternalWork, OutputModule, Service, Source
from eventproc.plugins import check_kind


@pytest.mark.parametrize(
    ("plugin", "kind"),
    [
        (EDProducer, "EDProducer"),
        (ExternalWork, "EDProducer"),
        (EDFilter, "EDFilter"),
        (OutputModule, "OutputModule"),
        (Source, "Source"),
        (Service, "Service"),
    ],
)
def test_a_class_of_the_kind_that_the_job_says_passes(plugin: type, kind: str) -> None:
    check_kind(plugin, ComponentDescription(kind, "X", "x"))


def test_the_right_word_is_named() -> None:
    component = ComponentDescription("EDProducer", "TopFilter", "top", where="job_cfg.py:7")
    with pytest.raises(
        ConfigurationError,
        match=r"EDProducer 'top' \(job_cfg.py:7\): TopFilter is a cms.EDFilter, not a cms.EDProducer; "
        r"write cms.EDFilter\('TopFilter', ...\)",
    ):
        check_kind(EDFilter, component)


@pytest.mark.parametrize("plugin", [int, "text", len])
def test_what_is_no_class_of_the_framework_is_refused(plugin: object) -> None:
    with pytest.raises(ConfigurationError, match="is no module, source or service"):
        check_kind(plugin, ComponentDescription("EDProducer", "X", "x"))
