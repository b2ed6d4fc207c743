"""A job that never ends, in a process of its own, for tests that kill it.

python -m tests.producers.endless_job ADDRESS MODEL OUTPUT
"""

import asyncio
import itertools
import sys
from pathlib import Path

from eventproc.model.event_id import EventID
from eventproc.modules import SourceEvent
from eventproc.runtime.builder import build
from eventproc.runtime.processor import EventProcessor
from eventproc.services.job_report import JobReport
from tests.producers.faulty_jobs import describe, events
from tests.producers.jobs import EVENTS, MemorySource


class EndlessSource(MemorySource):
    """The same events again and again, under new numbers; says when it has handed out the first round."""

    def __init__(self, params, process):
        super().__init__(params, process)
        self._numbers = itertools.count(1)

    async def next_event(self):
        number = next(self._numbers)
        if number == len(EVENTS):
            print("begun", flush=True)
        products = EVENTS[number % len(EVENTS)]
        return SourceEvent(EventID(1, 1, number), lambda slot: products.get(self.slots.get(slot, "")))


def main() -> None:
    address, model, output = sys.argv[1:]
    EVENTS[:] = events()
    source = "tests.producers.endless_job:EndlessSource"
    # Only the test ends it: a machine that stands still for a second must not.
    description = describe([address], Path(output), 8, source, modelName=model, timeout=60_000)
    asyncio.run(EventProcessor(build(description), JobReport()).run())


if __name__ == "__main__":
    main()
