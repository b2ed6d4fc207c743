"""What a person reads of a task that is not finished."""

from rich.console import Console

from eventproc.batch.job_status import JobFacts, JobStatus, State
from eventproc.batch.task_status import TaskStatus
from eventproc.cli.status_table import render_status
from tests.eventproc.batch.tasks import make_task
from tests.eventproc.io.tracks import write_file


def shown(task, state, exit_code):
    facts = JobFacts(1, None, 1, "7", False, ())
    job = JobStatus(1, state, exit_code, "[lost] by its server", 1, 1, None, facts)
    console = Console(width=80)
    with console.capture() as capture:
        console.print(render_status(task, TaskStatus((job,)), long=True, errors=True))
    return capture.get()


def test_a_job_to_be_tried_again_says_what_does_it(tmp_path):
    task = make_task(tmp_path, write_file(tmp_path / "a.root", 10))
    told = shown(task, State.TO_RETRY, 8036)
    assert "job 1: [lost] by its server" in told
    assert "toRetry waits for `eventproc resubmit`" in told
    assert "resubmit" not in shown(task, State.FAILED, 8009)
