from eventproc.model.file_records import InputFileRecord, OutputFileRecord
from eventproc.runtime.division import Portion
from eventproc.runtime.part_messages import PartResult
from eventproc.runtime.parts_report import error_of, fill_report, joined_inputs, written_in_order
from eventproc.services.job_report import ErrorRecord, JobReport

PORTIONS = [Portion(i, 10 * i, 10, i, 1) for i in range(3)]
STOPPED = (ErrorRecord(9000, "CaughtSignal", "stopped"),)


def output(pfn, *, complete=True):
    return OutputFileRecord(pfn, "out", "PoolOutputModule", 5, complete)


def test_a_file_that_two_processes_read_is_one_input():
    records = [
        InputFileRecord("a", 4, ((1, 1), (1, 2))),
        InputFileRecord("a", 3, ((1, 2), (1, 3))),
        InputFileRecord("b", 2, ((1, 3),)),
    ]
    assert joined_inputs(records) == [
        InputFileRecord("a", 7, ((1, 1), (1, 2), (1, 3))),
        InputFileRecord("b", 2, ((1, 3),)),
    ]


def test_only_what_comes_before_the_first_gap_counts_as_written():
    results = {
        0: PartResult(outputs=(output("0"),)),
        1: PartResult(errors=STOPPED, outputs=(output("1", complete=False),), events_unprocessed=4),
        2: PartResult(errors=STOPPED, outputs=(output("2", complete=False),), events_unprocessed=1),
    }
    assert [record.pfn for record in written_in_order(PORTIONS, results, "out")] == ["0", "1"]
    report = JobReport()
    fill_report(report, PORTIONS, results)
    assert report.events_unprocessed == 4 + 10


def test_a_process_without_an_answer_leaves_its_events_unprocessed():
    report = JobReport()
    fill_report(report, PORTIONS, {0: PartResult(events_read=10), 2: PartResult(events_read=10)})
    assert (report.events_read, report.events_unprocessed) == (20, 20)
    assert written_in_order(PORTIONS, {0: PartResult()}, "out") == []


def test_the_error_of_a_part_keeps_code_category_and_context():
    error = error_of(ErrorRecord(8021, "FileReadError", "bad", ("here", "there")), 8021 & 0xFF)
    report = JobReport()
    report.add_error(error)
    assert (report.exit_code, report.shell_code) == (8021, 8021 & 0xFF)
    assert report.errors == [ErrorRecord(8021, "FileReadError", "bad", ("here", "there"))]
