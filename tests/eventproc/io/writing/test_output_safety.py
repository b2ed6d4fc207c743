"""Whatever ends a job, and whenever: under the final name stands a whole file, or nothing."""

import json
import multiprocessing
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventproc.io.inspection.file_summary import verify
from eventproc.io.reading.opened_file import open_native
from tests.eventproc.io.writing import tmpfs_process
from tests.eventproc.io.writing.writing_process import POINTS, write

ROOT = Path(__file__).parents[4]
N_EVENTS = 1300
LIMIT_S = 100


@pytest.fixture(scope="module")
def start():
    """Starts a process that writes; gives it, and the pipe through which it says how far it is."""
    # Starting Python anew for each would take longer than all the rest.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.eventproc.io.writing.writing_process"])

    @contextmanager
    def run(path, point=""):
        said, saying = context.Pipe(duplex=False)
        process = context.Process(target=write, args=(path, N_EVENTS, point, saying))
        process.start()
        saying.close()
        try:
            assert said.poll(LIMIT_S)
            assert said.recv() == "begun"
            yield process
            process.join(LIMIT_S)
        finally:
            process.kill()
            process.join()
            process.close()
            said.close()

    return run


def is_whole_or_absent(path):
    """Whether there is a file; if so, it is whole."""
    if not path.exists():
        return False
    with open_native(str(path)) as file:
        assert file.metadata.completion.complete
        assert file.n_entries == N_EVENTS
    verify(str(path))
    return True


def run_again(start, path):
    """The next job on the output cleans up and succeeds, if the killed one had not published."""
    if not path.exists():
        with start(path) as process:
            process.join(LIMIT_S)
            assert process.exitcode == 0
        assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert is_whole_or_absent(path)


@pytest.mark.parametrize("point", POINTS)
def test_a_job_killed_at_any_step_leaves_a_whole_file_or_none(tmp_path, start, point):
    path = tmp_path / "o.root"
    with start(path, point) as process:
        process.join(LIMIT_S)
        assert process.exitcode == -signal.SIGKILL
    assert is_whole_or_absent(path) == (point in ("named twice", "published, the folder not on the disk"))
    run_again(start, path)


def kill_at_random(start, folder, seed, n_kills):
    """Kills jobs at any moment of their lives."""
    dice, killed, published, longest_s = random.Random(seed), 0, 0, 1.0
    for number in range(n_kills):
        path = folder / str(number) / "o.root"
        path.parent.mkdir()
        with start(path) as process:
            began_s = time.monotonic()
            process.join(dice.uniform(0, longest_s))
            if process.exitcode == 0:
                longest_s = (time.monotonic() - began_s) * 1.1
            process.kill()
            process.join()
            killed += process.exitcode == -signal.SIGKILL
        published += is_whole_or_absent(path)
        if number % 5 == 0:
            run_again(start, path)
    print(f"{killed} of {n_kills} jobs killed, {published} had published, no file was torn")
    return killed


def test_jobs_killed_at_random_leave_whole_files_or_none(tmp_path, start, sample_seed):
    kill_at_random(start, tmp_path, sample_seed, 5)


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_two_hundred_jobs_killed_at_random_leave_whole_files_or_none(tmp_path, start, sample_seed):
    assert kill_at_random(start, tmp_path, sample_seed, 200) > 100


# --- disks that are full ---


def fill_disks(folder, sizes):
    """What became of the output on disks of these sizes, kB."""
    command = [sys.executable, tmpfs_process.__file__, str(folder), json.dumps(sizes)]
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    done = subprocess.run(
        [*unshare, *command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=3000,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    endings = json.loads(done.stdout.splitlines()[-1])
    assert len(endings) == len(sizes)
    for size, (error, names, events) in zip(sizes, endings, strict=True):
        if error:
            assert error == "FileWriteError", size
            assert names == [], f"left on a disk of {size} kB"
        else:
            assert (names, events) == (["o.root"], tmpfs_process.N_EVENTS), size
    failed = sum(bool(error) for error, _, _ in endings)
    print(f"{len(sizes)} disks of {sizes[0]} to {sizes[-1]} kB: {failed} too small, nothing left on them")
    return failed


@pytest.mark.requires("mounts")
def test_a_full_disk_is_a_write_error_and_leaves_nothing(tmp_path):
    assert fill_disks(tmp_path, [64, 128, 4096]) == 2


@pytest.mark.soak
@pytest.mark.requires("mounts")
@pytest.mark.timeout(3600)
def test_a_hundred_full_disks_are_write_errors_and_leave_nothing(tmp_path):
    assert 0 < fill_disks(tmp_path, [64 + (1024 - 64) * k // 99 for k in range(100)]) < 100
