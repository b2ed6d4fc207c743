"""The command line: what it prints, and how it ends."""

import socket
import sys
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from accelerator_server.cli import app, main
from tests.accelerator_server.model_files import FLOAT_X, affine_model, write_model
from tests.accelerator_server.process import ORDINARY_USER, run_command, server_process


def test_models_are_listed_with_their_signatures(tmp_path):
    write_model(tmp_path, "a", 3)
    write_model(tmp_path, "b", backend="openvino", model=affine_model())
    result = run_command("models", str(tmp_path))
    assert result.returncode == 0
    first, second = result.stdout.splitlines()
    assert first == "a 3 echo f32 max_rows=32 x FP32[-1, 4]; y FP32[-1, 2]"
    assert second.startswith("b 1 openvino f32")


def test_a_model_that_cannot_be_read_keeps_no_other_from_the_list(tmp_path):
    for name in "abc":
        write_model(tmp_path, name)
    (tmp_path / "b" / "1" / "model.toml").write_text("backend =")
    result = run_command("models", str(tmp_path))
    assert result.returncode == 3
    first, broken, last = result.stdout.splitlines()
    assert (first[:8], last[:8]) == ("a 1 echo", "c 1 echo")
    assert broken.startswith(f"b 1: REFUSED: cannot read {tmp_path}/b/1/model.toml: Invalid value")


def test_check_loads_every_model_and_says_what_is_wrong(tmp_path):
    write_model(tmp_path, "good", backend="openvino", model=affine_model())
    assert run_command("check", str(tmp_path)).stdout == "good 1: ok on cpu\n"
    write_model(tmp_path, "bad", backend="openvino", model=affine_model(n_in=5))
    result = run_command("check", str(tmp_path))
    assert result.returncode == 4
    bad, good = result.stdout.splitlines()
    assert bad.startswith("bad 1: REFUSED: the model's file has inputs [x: FP32 [-1, 5]]")
    assert good == "good 1: ok on cpu"


def test_check_looks_at_the_versions_that_would_be_served(tmp_path):
    for version in range(1, 5):
        write_model(tmp_path, "m", version, keys='versions = "all"' if version == 4 else "")
    (tmp_path / "m" / "2" / "model.toml").write_text("backend =")
    result = run_command("check", str(tmp_path))
    assert result.returncode == 3
    assert [line.split(": ")[:2] for line in result.stdout.splitlines()] == [
        ["m 4", "ok on cpu"],
        ["m 3", "ok on cpu"],
        ["m 2", "REFUSED"],
        ["m 1", "ok on cpu"],
    ]
    result = run_command("check", str(tmp_path), "--set", "m.versions=[3, 7]")
    assert (
        result.stdout == "m 4: REFUSED: model m: versions [7] are to be served, and there are [4, 3, 2, 1]\n"
    )


BROKEN = {
    "same name": ({"inputs": (*FLOAT_X, *FLOAT_X)}, "two of the inputs have the same name: x, x"),
    "too many rows": ({"keys": f"max_rows = {10**12}"}, "rows (max_rows) of 24 bytes do not fit into memory"),
    "more than any": ({"keys": f"max_rows = {10**30}"}, "rows (max_rows) of 24 bytes do not fit into memory"),
    "no file": ({"backend": "openvino"}, "`file` and `sha256` of model.toml say which"),
    "no model": ({"backend": "openvino", "model": b"x"}, "openvino cannot read the model: Unable"),
    "other file": (
        {"backend": "openvino", "keys": 'file = "m.onxx"'},
        "m.onxx: No such file or directory; the folder has model.toml",
    ),
    "deep": ({"keys": "labels = " + "[" * 5000 + "]" * 5000}, "maximum recursion depth exceeded"),
    "key of a table": (
        {"tables": "[batching]\nbest_row = 8"},
        "unknown field `best_row` - at `$.batching`; known keys are best_rows, preferred_rows, ",
    ),
}


@pytest.mark.parametrize(("files", "told"), BROKEN.values(), ids=BROKEN.keys())
def test_check_says_in_a_line_what_is_wrong_with_a_model(tmp_path, files, told):
    write_model(tmp_path, **files)
    result = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert result.exit_code in {3, 4}
    (line,) = result.stdout.splitlines()
    assert line.startswith("m 1: REFUSED: ")
    assert told in line


def test_check_names_the_folders_that_are_left_alone(tmp_path):
    write_model(tmp_path, "a")
    write_model(tmp_path, "named", "v1")
    write_model(tmp_path, "no name!")
    write_model(tmp_path, ".hidden")
    (tmp_path / "empty").mkdir()
    result = run_command("check", str(tmp_path))
    assert result.returncode == 0
    assert [line.partition(";")[0] for line in result.stdout.splitlines()] == [
        "a 1: ok on cpu",
        "empty: left alone",
        "named: left alone",
        "no name!: left alone",
    ]


def test_check_outlives_a_model_that_crashes_its_engine(tmp_path, crashing):
    write_model(tmp_path, "bad", backend="unloadable", keys='isolation = "process"')
    write_model(tmp_path, "good")
    result = CliRunner().invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 4
    bad, good = result.stdout.splitlines()
    assert bad.startswith("bad 1: REFUSED: loading the model ended the process of its device with SIGABRT")
    assert good == "good 1: ok on cpu"


FAILED_STARTS = {
    "no folder": (3, "not a folder", ["nowhere"]),
    "no model": (3, "no model in", ["empty"]),
    "override of another form": (3, "MODEL.KEY=VALUE", ["models", "--set", "max_rows"]),
    "override for no model": (3, "there are m", ["models", "--set", "n.max_rows=1"]),
    "override of no key": (3, "unknown field `max_row`", ["models", "--set", "m.max_row=1"]),
    "no such backend": (3, "there are echo", ["models", "--set", "m.backend=ecko"]),
    "no such device": (5, "it has", ["models", "--set", "m.backend_parameters.device=NPU"]),
    "no model of that name": (3, "no model 'n' in the repository; there are m", ["models", "--model", "n"]),
    "wrong digest": (4, "has sha256", ["models", "--set", "m.sha256=00"]),
    "no such file": (4, "No such file", ["models", "--set", "m.file=weights"]),
    "bad configuration": (3, "cannot read", ["models", "--config", "nowhere.toml"]),
    "no such option": (2, "No such option", ["models", "--prot", "1"]),
    "no such port": (2, "less than or equal to 65535", ["models", "--port", "80000"]),
}


@pytest.mark.parametrize(("code", "told", "words"), FAILED_STARTS.values(), ids=FAILED_STARTS.keys())
def test_a_start_that_fails_says_why_in_one_line_and_by_its_exit_code(
    tmp_path, monkeypatch, capsys, code, told, words
):
    (tmp_path / "empty").mkdir()
    write_model(tmp_path / "models", backend="openvino", model=affine_model())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["accelerator-server", "serve", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert ended.value.code == code, err
    assert told in err
    assert out == ""
    assert "Traceback" not in err


def test_an_address_that_is_taken_is_an_error_of_its_own(tmp_path):
    write_model(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = run_command("serve", str(tmp_path), "--port", str(port))
    assert result.returncode == 6
    assert result.stderr == f"accelerator-server: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_help_names_every_option_in_full():
    help_text = run_command("serve", "--help").stdout
    assert all(option in help_text for option in ("--access-log ", "--exit-with-parent ", "--strict "))


def test_a_strict_server_does_not_start_with_a_refused_model(tmp_path):
    write_model(tmp_path, "good")
    write_model(tmp_path, "bad", backend="nothing")
    result = run_command("serve", str(tmp_path), "--strict")
    assert result.returncode == 3
    assert "no backend 'nothing'" in result.stderr
    write_model(tmp_path, "bad", 2)
    write_model(tmp_path, "bad", 3, backend="none")
    result = run_command("serve", str(tmp_path), "--strict")
    assert (result.returncode, "no backend 'none'" in result.stderr) == (3, True)
    with server_process(tmp_path):
        pass


@pytest.mark.parametrize("closed", ["m", "m/1"])
def test_a_model_that_is_closed_to_the_server_is_refused_and_no_other(tmp_path, closed):
    for name in ("a", "m", "z"):
        write_model(tmp_path, name)
    (tmp_path / closed).chmod(0)
    result = run_command("check", str(tmp_path), command=ORDINARY_USER)
    first, refused, last = result.stdout.splitlines()
    assert (first, last) == ("a 1: ok on cpu", "z 1: ok on cpu")
    assert f"REFUSED: cannot read {tmp_path}/m/" in refused
    assert "Permission denied" in refused
    assert result.returncode == 3
    with server_process(tmp_path, command=ORDINARY_USER) as (_, address):
        assert {name: is_ready(address, name) for name in "amz"} == {"a": True, "m": False, "z": True}


def test_only_models_that_are_named_are_loaded(tmp_path):
    for name in "abc":
        write_model(tmp_path, name)
    with server_process(tmp_path, "--model", "a", "--model", "c") as (_, address):
        assert {name: is_ready(address, name) for name in "abc"} == {"a": True, "b": False, "c": True}


def is_ready(address, name):
    try:
        with urlopen(f"{address}/v2/models/{name}/ready", timeout=30) as reply:
            return reply.status == 200
    except HTTPError as error:
        if error.code not in {404, 503}:
            raise
        return False
