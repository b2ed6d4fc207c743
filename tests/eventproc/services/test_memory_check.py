from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.event import EventView
from eventproc.modules.parameters import convert_parameters
from eventproc.services.memory_check import MemoryCheck

MakeEvent = Callable[..., EventView]


def check(ignored: int) -> MemoryCheck:
    return MemoryCheck(convert_parameters(MemoryCheck.Params, {"ignoreTotal": ignored}, "MemoryCheck"))


def test_growth_is_measured_from_the_last_ignored_event_to_the_end(event: MakeEvent) -> None:
    service = check(2)
    before = np.ones(4 << 20)
    for index in range(2):
        service.post_event(event(index))
    leak = np.ones(8 << 20)
    for index in range(2, 6):
        service.post_event(event(index))
    service.end_job()
    report = service.report()
    assert len(before) + len(leak) == 12 << 20
    assert 60 < report["GrowthRss"] < 90
    assert report["AverageGrowthRateRss"] == pytest.approx(report["GrowthRss"] / 4)
    assert report["PeakValueRss"] > report["GrowthRss"]


def test_a_job_shorter_than_the_ignored_events_reports_peaks_only(event: MakeEvent) -> None:
    service = check(100)
    service.post_event(event())
    service.end_job()
    assert set(service.report()) == {"PeakValueRss", "PeakValueVsize"}


def test_at_least_one_event_is_ignored() -> None:
    with pytest.raises(ConfigurationError, match="ignoreTotal = 0"):
        check(0)
