"""The run script and the worker, as a batch system starts them: what they leave, however they end."""

import asyncio
import os
import signal
import sys
import time

import psutil
import pytest

from eventproc.batch.preparation import Splitting
from eventproc.batch.records import Hooks, Limits
from tests.eventproc.batch.tasks import make_task, order, run_worker, start_worker
from tests.eventproc.io.tracks import event_id, make_source, write_file

pytestmark = pytest.mark.timeout(240)  # several processes one after the other, on a machine that may be busy


@pytest.fixture
def data(tmp_path):
    return write_file(tmp_path / "data.root", 25)


def ids_in(path):
    async def read():
        source = make_source(path)
        source.branches()
        source.bind([])
        try:
            found = []
            while (event := await source.next_event()) is not None:
                found.append(event.id)
            return found
        finally:
            source.close()

    return asyncio.run(read())


def end_of(job):
    (run,) = job.runs()
    return run.end()


def wait_for(condition):
    until_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.02)


def test_a_run_that_gets_the_process_number_of_the_one_before_has_a_folder_of_its_own(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    made = [job.new_run(2) for _ in range(3)]
    assert [run.attempt for run in made] == [2, 2, 2]
    assert sorted(run.path for run in job.runs()) == sorted({run.path for run in made})


def test_a_job_writes_its_slice_and_says_so(tmp_path, data):
    job = make_task(tmp_path, data).job(2)
    order(job)
    code, out = run_worker(job)
    assert code == 0, out
    done = job.done()
    assert (done.attempt, done.events_read, done.lumis_read) == (1, 10, ((1, 1),))
    (output,) = done.outputs
    assert (output.label, output.events, output.lumis) == ("out", 10, ((1, 1, 10),))
    assert ids_in(job.path / output.pfn) == [event_id(n) for n in range(10, 20)]
    end = end_of(job)
    assert end.exit_code == 0
    assert end.peak_rss_mb > 20
    assert end.cpu_s > 0
    assert 0 < end.wall_s < 60


def test_a_job_folder_works_wherever_it_lies(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job)
    moved = tmp_path / "else where"
    job.path.rename(moved)
    moved_job = type(job)(moved.rename(tmp_path / "17"))
    code, out = run_worker(moved_job)
    assert code == 0, out
    assert moved_job.done().events_read == 10


def test_a_requeued_attempt_of_a_finished_job_does_nothing(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job)
    assert run_worker(job)[0] == 0
    first = job.done()
    code, out = run_worker(job)
    assert (code, job.done(), len(list(job.runs()))) == (0, first, 1)
    assert "done already" in out


def test_a_job_whose_output_was_damaged_is_made_again(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job)
    run_worker(job)
    first = job.path / job.done().outputs[0].pfn
    first.write_bytes(first.read_bytes()[:-1] + b"x")
    assert run_worker(job)[0] == 0
    assert len(list(job.runs())) == 2
    assert (job.path / job.done().outputs[0].pfn) != first


@pytest.mark.parametrize("copies", [2, pytest.param(12, marks=pytest.mark.soak)])
def test_of_copies_that_run_at_once_one_counts_and_none_fails(tmp_path, data, copies):
    job = make_task(tmp_path, data).job(1)
    order(job)
    workers = [start_worker(job, software=tmp_path / "software") for _ in range(copies)]
    said = [worker.communicate(timeout=100)[0] for worker in workers]
    assert [worker.returncode for worker in workers] == [0] * copies
    assert len(list(job.path.glob("runs/*/copy.root"))) == 1
    assert (job.path / job.done().outputs[0].pfn).exists()
    assert sum("was faster" in text or "done already" in text for text in said) == copies - 1


@pytest.mark.parametrize("damage", ["record", "output"])
def test_outputs_are_not_given_up_for_those_of_another_run_that_are_damaged(tmp_path, data, damage):
    """Two incarnations of an attempt; the first one's node breaks after it has published."""
    gate = tmp_path / "gate"
    wait = f'sh -c \'while ! [ -e {gate} ]; do sleep 0.05; done; cp "$0" "$1"\''
    job = make_task(tmp_path, data, hooks=Hooks(stage_in=wait)).job(1)
    order(job)
    workers = [start_worker(job) for _ in range(2)]
    wait_for(lambda: sum(run.start() is not None for run in job.runs()) == 2)
    second, first = workers
    wait_for(lambda: psutil.Process(second.pid).children())
    second.send_signal(signal.SIGSTOP)
    (child,) = psutil.Process(second.pid).children()
    child.send_signal(signal.SIGSTOP)
    gate.touch()
    assert first.wait(60) == 0
    winner = job.done()
    damaged = job.path / ("done.json" if damage == "record" else winner.outputs[0].pfn)
    damaged.write_bytes(b"")
    child.send_signal(signal.SIGCONT)
    second.send_signal(signal.SIGCONT)
    said = [worker.communicate(timeout=60)[0] for worker in workers]
    assert second.returncode == 0, said
    assert job.done().run != winner.run
    assert ids_in(job.path / job.done().outputs[0].pfn) == [event_id(n) for n in range(10)]


@pytest.mark.parametrize("lose", ["path.unlink()", "os.truncate(path, 100)"])
def test_an_output_that_is_not_as_the_report_describes_it_is_not_published(tmp_path, data, lose):
    """The file system loses some or all of it when the job has ended."""
    (tmp_path / "sitecustomize.py").write_text(
        "import atexit, os, pathlib\n"
        "path = pathlib.Path('copy.root').absolute()\n"
        f"atexit.register(lambda: path.exists() and {lose})\n"
    )
    setup = tmp_path / "setup.sh"
    setup.write_text(f"export PYTHONPATH={tmp_path}\n")
    job = make_task(tmp_path, data, setup=setup).job(1)
    order(job)
    code, out = run_worker(job)
    assert (code, job.done()) == (50115 & 0xFF, None), out
    assert "is not there as the job's report describes it" in end_of(job).reason


def test_a_missing_input_ends_with_its_own_code(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job)
    data.unlink()
    assert run_worker(job)[0] == 8020 & 0xFF
    assert end_of(job).exit_code == 8020
    assert "does not exist" in end_of(job).reason
    assert job.done() is None


def test_an_input_that_was_exchanged_is_no_success(tmp_path, data):
    job = make_task(tmp_path, data).job(3)
    order(job)
    data.unlink()
    write_file(data, 24)
    assert run_worker(job)[0] == 8023 & 0xFF
    assert "read 4 events and its slice has 5" in end_of(job).reason
    assert job.done() is None


def test_an_input_that_has_grown_is_no_success(tmp_path, data):
    job = make_task(tmp_path, data, splitting=Splitting(files_per_job=1)).job(1)
    order(job)
    data.unlink()
    write_file(data, 26)
    assert run_worker(job)[0] == 8023 & 0xFF
    assert "read 26 events and its slice has 25" in end_of(job).reason


@pytest.mark.parametrize(
    ("limits", "code", "reason"),
    [
        (Limits(memory_mb=5, wall_time_s=60), 50660, "MB of memory and asked for 5 MB"),
        (Limits(memory_mb=1000, wall_time_s=0), 50664, "s and asked for 0 s"),
    ],
)
def test_too_much_memory_and_too_much_time_end_a_job(tmp_path, data, limits, code, reason):
    """What stages in takes longer than it takes to look at the limits, and longer than the test may."""
    job = make_task(
        tmp_path, data, hooks=Hooks(stage_in=f"{sys.executable} -c 'import time; time.sleep(600)'")
    ).job(1)
    order(job, limits=limits)
    assert run_worker(job)[0] == code & 0xFF
    assert (end_of(job).exit_code, job.done()) == (code, None)
    assert reason in end_of(job).reason


def test_eviction_ends_a_job_at_once_and_the_next_attempt_finishes_it(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job, delay_s=600)
    worker = start_worker(job)
    wait_for(lambda: any(run.start() for run in job.runs()))
    worker.send_signal(signal.SIGTERM)
    out, _ = worker.communicate(timeout=60)
    assert (worker.returncode, end_of(job).exit_code) == (9000 & 0xFF, 9000), out
    assert "SIGTERM" in end_of(job).reason
    order(job, 2)
    assert run_worker(job, 2)[0] == 0
    assert job.done().attempt == 2


def test_a_wish_to_kill_is_seen_by_the_worker(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job, delay_s=600)
    worker = start_worker(job)
    wait_for(lambda: any(run.start() for run in job.runs()))
    job.ask_kill(1)
    worker.communicate(timeout=60)
    assert worker.returncode == 9000 & 0xFF
    assert "killed on request" in end_of(job).reason


def test_a_killed_worker_leaves_a_start_and_no_end(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    order(job, delay_s=600)
    worker = start_worker(job)
    wait_for(lambda: any(run.start() for run in job.runs()))
    (run,) = job.runs()
    os.kill(run.start().pid, signal.SIGKILL)
    worker.communicate(timeout=60)
    assert (run.end(), job.done()) == (None, None)


def test_what_a_killed_worker_ran_ends_too(tmp_path, data):
    began = tmp_path / "began"
    hooks = Hooks(stage_in=f"sh -c 'echo $$ > {began}.new; mv {began}.new {began}; exec sleep 600'")
    job = make_task(tmp_path, data, hooks=hooks).job(1)
    order(job)
    worker = start_worker(job)
    wait_for(began.exists)
    child = psutil.Process(int(began.read_text()))
    worker.kill()
    worker.communicate(timeout=60)
    child.wait(60)


def test_hooks_fetch_inputs_and_bring_outputs_away(tmp_path, data):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "demo").mkdir()
    hooks = Hooks("cp", "cp -n", str(tmp_path / "store"))
    job = make_task(tmp_path, data, hooks=hooks).job(1)
    order(job)
    code, out = run_worker(job)
    assert code == 0, out
    (output,) = job.done().outputs
    assert output.pfn.startswith(str(tmp_path / "store" / "demo"))
    assert ids_in(output.pfn) == [event_id(n) for n in range(10)]
    assert not list(job.path.glob("runs/*/copy.root"))


@pytest.mark.parametrize(
    ("hooks", "code"),
    [
        (Hooks(stage_in="false"), 60311),
        pytest.param(Hooks(stage_in="no-such-program"), 60311, marks=pytest.mark.soak),
        (Hooks(stage_out="false", output_to="x"), 60307),
        pytest.param(Hooks(output_to="/proc/none"), 60307, marks=pytest.mark.soak),
    ],
)
def test_hooks_that_fail_have_codes_of_their_own(tmp_path, data, hooks, code):
    job = make_task(tmp_path, data, hooks=hooks).job(1)
    order(job)
    assert run_worker(job)[0] == code & 0xFF
    assert end_of(job).exit_code == code
    assert job.done() is None


def test_setup_is_read_first_and_may_choose_the_interpreter(tmp_path, data):
    setup = tmp_path / "setup.sh"
    setup.write_text("echo set up; EVENTPROC_PYTHON=/no/such/python\n")
    job = make_task(tmp_path, data, setup=setup).job(1)
    order(job)
    code, out = run_worker(job)
    assert code == 127
    assert "set up" in out


def test_a_folder_without_a_job_is_refused(tmp_path, data):
    job = make_task(tmp_path, data).job(1)
    code, out = run_worker(job, 7)
    assert code == 8009 & 0xFF
    assert "no attempt 7" in out
