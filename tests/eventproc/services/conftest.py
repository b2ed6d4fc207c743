"""Events for the hooks of services."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from eventproc.model.event import EventView
from eventproc.model.event_id import EventID


@pytest.fixture
def event() -> Callable[..., EventView]:
    """Makes events without products."""

    def make(index: int = 0, stream: int = 0) -> EventView:
        return EventView(EventID(1, 2, index + 1), index, stream, n_slots=0)

    return make
