"""Outputs of tracks and numbers, written event by event as a job does."""

from tests.eventproc.io.tracks import (
    NUMBERS,
    TRACKS,
    Numbers,
    Tracks,
    make_output,
    numbers,
    process,
    token,
    tracks,
    view,
)

BRANCHES = ((TRACKS, token(Tracks, "tracks", 0)), (NUMBERS, token(Numbers, "numbers", 1)))


def opened(path, history=(), **parameters):
    """An output that is ready for events."""
    output = make_output(path, **parameters)
    output.open(process(), BRANCHES, history)
    return output


def fill(output, n_events):
    """Writes events 0, 1, ..."""
    for n in range(n_events):
        output.write(view(n, tracks(n), numbers(n)))
    return output
