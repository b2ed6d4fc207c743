"""Writes outputs on small disks: ``tmpfs_process.py FOLDER SIZES``, where file systems may be mounted."""

import json
import subprocess
import sys
from pathlib import Path

from eventproc.errors import EventProcError
from eventproc.io.reading.opened_file import open_native
from tests.eventproc.io.tracks import make_output, process
from tests.eventproc.io.tracks_output import BRANCHES, fill

N_EVENTS = 20_000


def ending(path):
    """The error, the files left, and the events written."""
    output, error = make_output(path, compressionAlgorithm="LZ4", compressionLevel=1), ""
    try:
        output.open(process(), BRANCHES, ())
        fill(output, N_EVENTS)
        output.close()
    except EventProcError as failure:
        error = type(failure).__name__
    output.abandon(keep_partial=True)
    names, events = sorted(entry.name for entry in path.parent.iterdir()), 0
    if not error:
        with open_native(str(path)) as file:
            events = file.n_entries
    return error, names, events


def main():
    disk, endings = Path(sys.argv[1]) / "disk", []
    disk.mkdir()
    for size_kb in json.loads(sys.argv[2]):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "tmpfs", disk], check=True)
        try:
            endings.append(ending(disk / "o.root"))
        finally:
            subprocess.run(["umount", disk], check=True)
    print(json.dumps(endings))


if __name__ == "__main__":
    main()
