from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from eventproc.errors import FileOpenError, FileWriteError
from eventproc.model.file_records import OutputFileRecord
from eventproc.services.job_report import JobReport
from eventproc.services.job_report_files import RESERVED_BYTES, report_paths, write_job_report

JOB = """
import os, signal, sys
from pathlib import Path
from eventproc.services.job_report import JobReport
from eventproc.services.job_report_files import write_job_report
write_job_report(JobReport("KILLED"), Path(sys.argv[1]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def temporary_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.tmp-{platform.node()}-{os.getpid()}")


def errors_in(xml_path: Path) -> list[str | None]:
    return [e.get("ExitStatus") for e in ET.parse(xml_path).getroot().findall("FrameworkError")]


@pytest.mark.parametrize(
    ("given", "xml", "json_name"),
    [
        ("fjr.xml", "fjr.xml", "fjr.json"),
        ("fjr.json", "fjr.xml", "fjr.json"),
        ("job.1", "job.1", "job.1.json"),
        ("fjr", "fjr", "fjr.json"),
    ],
)
def test_one_name_stands_for_a_pair_of_files(given: str, xml: str, json_name: str) -> None:
    assert report_paths(Path("out") / given) == (Path("out") / xml, Path("out") / json_name)


def test_a_killed_job_leaves_well_formed_files_that_say_so(tmp_path: Path) -> None:
    xml_path = tmp_path / "fjr.xml"
    result = subprocess.run([sys.executable, "-c", JOB, str(xml_path)], timeout=60, check=False)
    assert result.returncode == -signal.SIGKILL
    assert errors_in(xml_path) == ["8901"]
    written = json.loads((tmp_path / "fjr.json").read_text())
    assert (written["process"], written["exit_code"], written["ended"]) == ("KILLED", 8901, "")
    assert written["errors"][0]["category"] == "UnexpectedJobTermination"


def test_the_end_replaces_what_the_start_wrote(tmp_path: Path) -> None:
    report = JobReport("TOPTAG", command_line=("eventproc", "run"))
    xml_path, json_path = write_job_report(report, tmp_path / "fjr.xml")
    report.outputs.append(OutputFileRecord("o.root", "out", "PoolOutputModule", 3, True))
    report.events_read = report.events_written = 3
    report.finish()
    write_job_report(report, xml_path)
    assert errors_in(xml_path) == []
    written = json.loads(json_path.read_text())
    assert written["exit_code"] == 0
    assert written["errors"] == []
    assert (written["events_read"], written["events_written"], written["events_skipped"]) == (3, 3, 0)
    assert written["outputs"][0]["pfn"] == "o.root"
    assert written["command_line"] == ["eventproc", "run"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fjr.json", "fjr.xml"]


def test_a_file_that_cannot_be_replaced_is_written_in_the_room_kept_for_it(tmp_path: Path) -> None:
    report = JobReport("TOPTAG")
    xml_path, json_path = write_job_report(report, tmp_path / "fjr.xml")
    assert xml_path.stat().st_size == json_path.stat().st_size == RESERVED_BYTES
    for path in (xml_path, json_path):
        temporary_of(path).mkdir()  # stands for a disk without room for another file
    report.add_error(FileWriteError("disk full"))
    report.finish()
    write_job_report(report, xml_path)
    assert errors_in(xml_path) == ["8033"]
    assert json.loads(json_path.read_text())["exit_code"] == 8033
    assert xml_path.stat().st_size < RESERVED_BYTES


def test_a_report_that_fits_nowhere_leaves_the_old_one_whole(tmp_path: Path) -> None:
    report = JobReport("TOPTAG")
    xml_path, json_path = write_job_report(report, tmp_path / "fjr.xml")
    before = json_path.read_bytes()
    temporary_of(json_path).mkdir()
    report.add_error(FileOpenError("x" * RESERVED_BYTES))
    report.finish()
    with pytest.raises(FileWriteError, match=r"job report .*fjr\.json cannot be written"):
        write_job_report(report, xml_path)
    assert json_path.read_bytes() == before


@pytest.mark.parametrize("name", ["nowhere/fjr.xml", "file/fjr.xml"])
def test_a_report_without_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(FileWriteError, match="its folder must exist and be writable"):
        write_job_report(JobReport(), tmp_path / name)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_report_in_a_folder_without_write_permission_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FileWriteError, match="Permission denied"):
        write_job_report(JobReport(), tmp_path / "fjr.xml")


def test_a_device_or_folder_is_not_replaced_by_a_report(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.xml")
    (tmp_path / "folder.xml").mkdir()
    for name in ("pipe.xml", "folder.xml"):
        with pytest.raises(FileWriteError, match="not a regular file"):
            write_job_report(JobReport(), tmp_path / name)
    assert (tmp_path / "pipe.xml").is_fifo()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.xml", "pipe.xml"]


def test_a_service_that_reports_odd_values_does_not_keep_the_report_from_being_written(
    tmp_path: Path,
) -> None:
    report = JobReport(services={"Odd": {"nan": float("nan"), "path": tmp_path, "bytes \udc80": {1, 2}}})
    report.finish()
    _, json_path = write_job_report(report, tmp_path / "fjr.xml")
    odd = json.loads(json_path.read_text())["services"]["Odd"]
    assert odd == {"nan": None, "path": str(tmp_path), "bytes \\udc80": [1, 2]}
