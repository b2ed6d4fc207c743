"""What services of several processes tell, put together."""

import json
import pickle

import pytest

from eventproc.errors import FileWriteError
from eventproc.modules.service import Service
from eventproc.runtime.service_reports import absorb_states
from eventproc.services.distribution import Distribution
from eventproc.services.job_report import JobReport
from eventproc.services.memory_check import MemoryCheck
from eventproc.services.message_logger import MessageLogger
from eventproc.services.timing import Timing
from eventproc.services.trace_file import TraceFile, join_traces


def distribution(*times_ns):
    made = Distribution()
    for time_ns in times_ns:
        made.add(time_ns)
    return made


@pytest.mark.parametrize("cut", [0, 1, 3, 5])
def test_distributions_together_are_the_distribution_of_all(cut):
    times = [70, 12, 3000, 45, 999]
    together = distribution(*times[:cut])
    together.absorb(distribution(*times[cut:]))
    assert together.summary_s() == distribution(*times).summary_s()
    assert together.count == 5


def test_timing_counts_events_modules_and_streams_of_all_processes(event):
    copies = []
    for stream in (0, 1):
        copy = Timing(Timing.Params())
        copy.begin_job(2)
        copy.begin_stream(stream)
        for n in range(2):
            copy.pre_event(event(n, stream))
            copy.pre_module(event(n, stream), "m")
            copy.post_module(event(n, stream), "m")
            copy.post_event(event(n, stream))
        copy.end_job()
        copies.append(pickle.loads(pickle.dumps(copy.state())))
    job = Timing(Timing.Params())
    job.begin_job(4)
    job.end_job()
    job.absorb(copies)
    report = job.report()
    assert report["NumberOfStreams"] == 2
    assert report["modules"]["m"]["Calls"] == 4
    assert report["TotalLoopCPU"] >= sum(copy.loop_cpu_s for copy in copies)


def test_memory_and_messages_are_added_up():
    memory = MemoryCheck(MemoryCheck.Params())
    own = memory.report()["PeakValueRss"]
    memory.absorb([{"PeakValueRss": 10.0, "GrowthRss": 1.0}, {"PeakValueRss": 5.0}])
    assert memory.report()["PeakValueRss"] == own + 15.0
    assert memory.report()["GrowthRss"] == 1.0
    log = MessageLogger(MessageLogger.Params())
    log.absorb([{"severities": {"WARNING": 2}, "categories": {"a": 2}}] * 2)
    assert log.report() == {"severities": {"WARNING": 4}, "categories": {"a": 4}}


def test_a_service_that_absorbs_nothing_reports_what_each_copy_does():
    class Counts(Service):
        def __init__(self, params):
            pass

        def report(self):
            return {"n": 1}

    report = JobReport()
    absorb_states([Counts(None)], [({"n": 2},), ({"n": 3},)], report)
    assert report.services == {"Counts": {"processes": [{"n": 2}, {"n": 3}]}}


def test_traces_join_whether_or_not_they_hold_records(tmp_path):
    paths = []
    for n, records in enumerate((2, 0, 1)):
        paths.append(tmp_path / f"{n}.json")
        trace = TraceFile(paths[-1])
        for i in range(records):
            trace.add({"name": f"{n}.{i}"})
        trace.publish()
    join_traces(paths, tmp_path / "all.json")
    names = [record["name"] for record in json.loads((tmp_path / "all.json").read_text())["traceEvents"]]
    assert names == ["0.0", "0.1", "2.0"]
    with pytest.raises(FileWriteError, match="cannot write trace"):
        join_traces(paths, tmp_path / "missing" / "all.json")
