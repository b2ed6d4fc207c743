"""Which event of a file: run:lumi:event or entry, and the near ones when there is no such event."""

from __future__ import annotations

from collections.abc import Sequence

from eventproc.errors import CommandLineError
from eventproc.model.event_id import EventID


def parse_event_id(text: str) -> EventID:
    """Reads ``run:lumi:event``.

    Raises:
        CommandLineError: it is written otherwise.
    """
    parts = text.split(":")
    if len(parts) != 3 or not all(part.isdecimal() for part in parts):
        message = f"{text!r} is no event: write run:lumi:event, such as 1:1:42"
        raise CommandLineError(message)
    return EventID(*map(int, parts))


def find_entry(ids: Sequence[EventID], wanted: EventID | int, file_name: str) -> tuple[int, EventID]:
    """The entry of an event, and its id.

    Args:
        ids: ids of all entries of the file.
        wanted: the event's id, or its entry.
        file_name: for messages.

    Raises:
        CommandLineError: there is no such event; the message names the nearest ones.
    """
    if not isinstance(wanted, EventID):
        if 0 <= wanted < len(ids):
            return wanted, ids[wanted]
        what = f"entry {wanted}: it has {len(ids)} entries, counted from 0"
    elif wanted in ids:
        return ids.index(wanted), wanted
    else:
        near = ", ".join(":".join(map(str, event_id)) for event_id in _nearest(ids, wanted))
        what = (
            f"event {':'.join(map(str, wanted))}: the nearest of its {len(ids)} events are {near or 'none'}"
        )
    message = f"{file_name!r} has no {what}"
    raise CommandLineError(message)


def _nearest(ids: Sequence[EventID], wanted: EventID) -> list[EventID]:
    def distance(event_id: EventID) -> list[int]:
        return [abs(a - b) for a, b in zip(event_id, wanted, strict=True)]

    return sorted(sorted(ids, key=distance)[:3])
