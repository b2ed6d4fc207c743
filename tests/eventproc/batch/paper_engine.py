"""An engine that runs nothing, and tests that write what its jobs would."""

import copy
import json
import random

from eventproc.batch.engines.base import Engine, EngineState
from eventproc.batch.errors import EngineFailure
from eventproc.batch.job_folder import now
from eventproc.batch.records import DoneRecord, EndRecord, OutputRecord
from eventproc.batch.submission import RETRIED, submit_jobs
from eventproc.batch.task_status import read_status
from eventproc.io.format.publication import checksums
from tests.eventproc.io.tracks import write_file


class PaperEngine(Engine):
    """Takes errands and gives them the state that the test says; may refuse after so many."""

    name = "paper"

    def __init__(self, folder):
        super().__init__("demo", folder, {})
        self.states = {}
        self.errands = {}
        self.takes = 10**6
        self.answers = True
        self.killed = []
        self.killed_for = []
        self.told_of = {}
        self.options_now = {}
        self.silent = None

    def told(self, options):
        other = copy.copy(self)
        other.options_now = options
        return other

    def submit(self, errands):
        self.poll([])
        for errand in errands:
            if len(self.errands) >= self.takes:
                message = "no more"
                raise EngineFailure(message)
            engine_id = f"{errand.job}.{errand.attempt}"
            self.told_of[engine_id] = self.options_now
            self.errands[engine_id] = errand
            self.states[engine_id] = EngineState.IDLE
            yield errand, engine_id

    def poll(self, engine_ids):
        if not self.answers or self.options_now == self.silent:
            message = "silence"
            raise EngineFailure(message)
        return {each: self.states[each] for each in engine_ids if each in self.states}

    def kill(self, engine_ids):
        self.killed += engine_ids
        self.killed_for.append(self.options_now)
        for each in engine_ids:
            self.states.pop(each, None)


def submit(task, engine, states=RETRIED, **options):
    jobs = [job for job in read_status(task, engine).jobs if job.state in states]
    return submit_jobs(task, engine, jobs, chance=random.Random(1), **options)


def end(task, engine, number, code, attempt=1):
    """The job's attempt ran and ended with a code; with 0 it wrote its events."""
    job = task.job(number)
    run = job.new_run(attempt)
    run.begin()
    if code == 0:
        record = task.record.jobs[number - 1]
        first = int(record.files[0].entries.split("-")[0])
        path = write_file(run.path / "copy.root", record.events, first=first, process="COPY")
        sums = checksums(path)
        relative = str(path.relative_to(job.path))
        size = path.stat().st_size
        output = OutputRecord(
            "out", relative, record.events, size, sums["sha256"], sums["adler32"], record.content
        )
        lumis = tuple((r, lumi) for r, lumi, _ in record.content)
        assert job.claim_done(DoneRecord(run.path.name, attempt, "host", record.events, lumis, (output,)))
        report = {"timing": {"TotalJobTime": 2.0}, "events_read": record.events, "services": {}}
        (run.path / "FrameworkJobReport.json").write_text(json.dumps(report))
    run.finish(EndRecord(code, "why" if code else "", now(), 2.0, 1.0, 100.0))
    engine.states.pop(f"{number}.{attempt}", None)


def states(task, engine):
    return [job.state for job in read_status(task, engine).jobs]


def finish_all(task, engine):
    submit(task, engine)
    for job in task.record.jobs:
        end(task, engine, job.id, 0)
    return read_status(task, engine)
