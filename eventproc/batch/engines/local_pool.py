"""The pool process of LocalEngine: runs errands in order, so many at a time, and marks each one's end."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from traceback import print_exception

from eventproc.batch.engines.local import write_identity


def main() -> None:
    """Runs the pool of a folder: ``local_pool FOLDER PROCESSES``."""
    folder, processes = Path(sys.argv[1]), int(sys.argv[2])
    errands = json.loads((folder / "errands.json").read_bytes())
    with ThreadPoolExecutor(processes) as threads:
        runs = [threads.submit(_run, folder, number, errand) for number, errand in enumerate(errands)]
    for run in runs:  # all have ended: one that cannot be begun keeps no other from it
        if error := run.exception():
            print_exception(error)


def _run(folder: Path, number: int, errand: tuple[str, str, str]) -> None:
    script, attempt, log = errand
    cancelled = folder / f"{number}.cancelled"
    if not cancelled.exists():
        with Path(log).open("ab") as output:
            process = subprocess.Popen(  # noqa: S603 - the job's own script
                ["/bin/sh", script, attempt],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            write_identity(folder / f"{number}.process.json", process.pid)
            if cancelled.exists():  # the wish came before anybody could know the process
                process.terminate()
        finally:
            process.wait()
    (folder / f"{number}.ended").touch()


if __name__ == "__main__":
    main()
