"""A process that writes an output and is killed on the way, by itself or by whoever started it."""

import os
import signal
import sys

from eventproc.io.format import publication
from eventproc.io.writing.pool_output import PoolOutputModule
from eventproc.io.writing.tree_writer import TreeWriter
from tests.eventproc.io.tracks_output import fill, opened

POINTS = {
    "while events are written": (TreeWriter, "_extend"),
    "before the metadata": (TreeWriter, "finish"),
    "closed, not on the disk": (publication.Publication, "complete"),
    "on the disk, not read back": (PoolOutputModule, "_verify"),
    "read back, without checksums": ("eventproc.io.writing.pool_output", "checksums"),
    "before it is published": (publication.Publication, "publish"),
    "named twice": (os, "link"),
    "published, the folder not on the disk": (publication.Publication, "_settle"),
}
"""The function before which the process is killed; ``link`` is done first."""


def killed(function, *, after):
    def kill(*arguments, **words):
        if after:
            function(*arguments, **words)
        os.kill(os.getpid(), signal.SIGKILL)

    return kill


def write(path, n_events, point, said):
    """Writes events and says through a pipe how far it is; kills itself where it is told to."""
    if point:
        owner, name = POINTS[point]
        owner = sys.modules[owner] if isinstance(owner, str) else owner
        setattr(owner, name, killed(getattr(owner, name), after=name == "link"))
    output = opened(path)
    said.send("begun")
    fill(output, n_events)
    output.close()
    said.send("done")
