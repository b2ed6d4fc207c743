from eventproc.errors import ConfigurationError
from eventproc.services.job_report import JobReport


def test_a_finished_job_shows_counts_times_and_services():
    report = JobReport(process="PAGE", events_read=12, events_written=7)
    report.services["Timing"] = {"AvgEventTime": 0.125, "streams": [1, 2]}
    report.finish()
    page = report._repr_html_()
    for shown in ("PAGE: done", ">12<", ">7<", "peak memory", "Timing", "0.125", "[1, 2]"):
        assert shown in page


def test_errors_are_shown_and_escaped():
    report = JobReport(process="PAGE")
    report.add_error(ConfigurationError("no <plugin>"))
    report.finish()
    page = report._repr_html_()
    assert "exit code 8009" in page
    assert "Configuration (8009)</b> no &lt;plugin&gt;" in page


def test_a_report_of_a_job_that_has_not_ended_says_so():
    assert "UnexpectedJobTermination" in JobReport()._repr_html_()
