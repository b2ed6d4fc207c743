"""What an admin is given: the examples are read by what they are for, and name what exists."""

import configparser
import json
import re
import shlex
import signal
import ssl
import subprocess
import sys
import sysconfig
import urllib.request
from pathlib import Path

import pytest
import trustme

from accelerator_server.backends.table import BACKENDS
from accelerator_server.config import ServerConfig, read_server_config
from accelerator_server.errors import ConfigurationError
from accelerator_server.telemetry.metrics import Metrics
from tests.accelerator_server.model_files import write_model
from tests.accelerator_server.process import server_process
from tests.accelerator_server.token_files import ADMIN_TOKEN, TOKEN, bearer

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
DEPLOY = DOCS / "deploy"


def test_the_example_configuration_is_one():
    config = read_server_config(DEPLOY / "server.toml")
    assert config.tls is not None
    assert config.token_files


def test_the_page_knows_every_key_of_the_configuration():
    page = (DOCS / "site_admin.md").read_text()
    missing = [key for key in ServerConfig.__struct_fields__ if key not in page]
    assert missing == []
    for key, default in (("body_timeout_s", 30), ("max_connections", 10_000), ("keepalive_s", 75)):
        assert f"| {key} | {default} |" in page
        assert getattr(ServerConfig(), key) == default


def unit() -> configparser.ConfigParser:
    parsed = configparser.ConfigParser(strict=False, interpolation=None)
    parsed.optionxform = str
    parsed.read(DEPLOY / "accelerator-server.service")
    return parsed


def container(word: str) -> list[str]:
    """What follows a word at the beginning of a line of the Containerfile."""
    return re.findall(rf"^{word} (.*)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)


def recipe(section: str) -> str:
    """A section of the Apptainer recipe."""
    text = (DEPLOY / "accelerator-server.def").read_text()
    return re.search(rf"^%{section}\n((?:    .*\n|\n)+)", text, re.MULTILINE)[1]


def commands() -> dict[str, list[str]]:
    """How each of them starts the server."""
    run = recipe("runscript").replace("exec", "").replace('"$@"', "--host 0.0.0.0 --port 8000")
    return {
        "systemd": shlex.split(unit()["Service"]["ExecStart"]),
        "container": [
            word for part in (*container("ENTRYPOINT"), *container("CMD")) for word in json.loads(part)
        ],
        "apptainer": shlex.split(run),
    }


@pytest.fixture
def moved(tmp_path):
    """The folders that the examples name, with what belongs there, under a folder of the test."""
    write_model(tmp_path / "srv/models")
    write_model(tmp_path / "models")
    etc = tmp_path / "etc/accelerator-server"
    (etc / "tokens").mkdir(parents=True)
    for name, token in (("analysis", TOKEN), ("operator", ADMIN_TOKEN)):
        (etc / "tokens" / name).touch(mode=0o600)
        (etc / "tokens" / name).write_text(token)
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(etc / "certificate.pem")
    certificate.private_key_pem.write_to_path(etc / "key.pem")
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    example = (DEPLOY / "server.toml").read_text()
    (etc / "server.toml").write_text(
        example.replace('"/etc', f'"{tmp_path}/etc').replace("port = 8000", "port = 0")
    )
    return tmp_path


@pytest.mark.parametrize("manager", ["systemd", "container", "apptainer"])
def test_each_command_starts_a_server_that_answers_and_ends_as_its_manager_ends_it(moved, manager):
    program, verb, repository, *words = commands()[manager]
    assert (Path(program).name, verb) == ("accelerator-server", "serve")
    words = [f"{moved}{word}" if word.startswith("/") else word.replace("8000", "0") for word in words]
    with server_process(Path(f"{moved}{repository}"), *words) as (process, address):
        trusted = ssl.create_default_context(cafile=moved / "ca.pem") if "https" in address else None
        local = address.replace("0.0.0.0", "127.0.0.1")
        request = urllib.request.Request(f"{local}/v2/models/m/ready", headers=bearer(TOKEN))
        with urllib.request.urlopen(request, timeout=30, context=trusted) as reply:
            assert reply.status == 200
        if manager == "systemd":
            assert unit()["Service"]["ExecReload"] == "/bin/kill -HUP $MAINPID"
            process.send_signal(signal.SIGHUP)
            assert any("read 2 tokens and the certificate again" in line for line in process.stderr)
        (ending,) = container("STOPSIGNAL")
        process.send_signal(signal.Signals[ending])
        process.communicate(timeout=30)
    assert process.returncode == 0


def test_the_tokens_and_the_key_that_the_page_makes_are_what_the_server_takes(tmp_path):
    page = (DOCS / "site_admin.md").read_text()
    block = re.search(r"^As a service.*?^```\n(.*?)^```", page, re.MULTILINE | re.DOTALL)[1]
    lines = block.replace("\\\n", "").splitlines()
    # Of root's work what needs no root is done, in a folder of the test.
    done_here = [line for line in lines if line.split()[0] in {"install", "cd", "openssl", "chgrp"}]
    assert {line.split()[0] for line in lines} - {"useradd", "systemctl", "curl"} == {
        line.split()[0] for line in done_here
    }
    script = "\n".join(done_here).replace("-g accelerator-server", "").replace("/etc/", f"{tmp_path}/etc/")
    script = script.replace("chgrp accelerator-server key.pem && ", "")
    (tmp_path / "etc/systemd/system").mkdir(parents=True)
    subprocess.run(["/bin/sh", "-euc", script], cwd=ROOT, check=True, capture_output=True, timeout=60)
    etc = tmp_path / "etc/accelerator-server"
    assert {path.stat().st_mode & 0o777 for path in (*etc.glob("tokens/*"), etc / "key.pem")} == {0o640}
    config = (etc / "server.toml").read_text()
    config = config.replace('"/etc', f'"{tmp_path}/etc').replace("port = 8000", "port = 0")
    (etc / "server.toml").write_text(config)
    write_model(tmp_path / "models")
    with server_process(tmp_path / "models", "--config", str(etc / "server.toml")) as (_, address):
        token = (etc / "tokens/analysis").read_text().strip()
        ready = address.replace("0.0.0.0", "localhost") + "/v2/health/ready"
        trusted = ssl.create_default_context(cafile=etc / "certificate.pem")
        with urllib.request.urlopen(
            urllib.request.Request(ready, headers=bearer(token)), timeout=30, context=trusted
        ) as reply:
            assert json.load(reply) == {"ready": True}


def test_the_unit_is_not_started_again_for_what_a_restart_cannot_mend():
    codes = {int(code) for code in unit()["Service"]["RestartPreventExitStatus"].split()}
    assert codes == {2, ConfigurationError.exit_code}
    assert unit()["Service"]["Restart"] == "always"


def test_the_page_knows_every_backend():
    page = (DOCS / "site_admin.md").read_text()
    assert [name for name in BACKENDS if f"| {name} | " not in page] == []


def test_the_unit_leaves_time_to_drain_and_descriptors_for_all_connections():
    service = unit()["Service"]
    assert int(service["TimeoutStopSec"]) > ServerConfig().drain_s + 2
    assert int(service["LimitNOFILE"]) > ServerConfig().max_connections + 64


@pytest.mark.requires("systemd")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path):
    text = (DEPLOY / "accelerator-server.service").read_text()
    program = commands()["systemd"][0]
    (tmp_path / "accelerator-server.service").write_text(text.replace(program, sys.executable))
    checked = subprocess.run(
        ["systemd-analyze", "verify", "accelerator-server.service"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def test_hadolint_finds_nothing_wrong_with_the_containerfile():
    hadolint = Path(sysconfig.get_path("scripts")) / "hadolint"
    linted = subprocess.run(
        [hadolint, "--no-color", DEPLOY / "Containerfile"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (linted.returncode, linted.stdout) == (0, "")


@pytest.mark.parametrize("section", ["post", "runscript"])
def test_the_scripts_of_the_recipe_are_scripts(section):
    checked = subprocess.run(
        ["/bin/sh", "-n"], input=recipe(section), capture_output=True, text=True, timeout=60, check=False
    )
    assert (checked.returncode, checked.stderr) == (0, "")


def copied() -> dict[str, set[str]]:
    """What each of them copies from the checkout."""
    lines = [shlex.split(line) for line in container("COPY") if "--from" not in line]
    files = [line.split() for line in recipe("files").strip().splitlines()]
    return {
        "container": {source for *sources, _ in lines for source in sources},
        "apptainer": {source for source, _ in files},
    }


@pytest.mark.parametrize("manager", ["container", "apptainer"])
def test_what_is_copied_is_all_that_an_installation_needs(manager):
    setup = configparser.ConfigParser(interpolation=None)
    setup.read(ROOT / "setup.cfg")
    packages = {line.rstrip("*") for line in setup["options.packages.find"]["include"].split()}
    assert copied()[manager] == {"setup.cfg", "pyproject.toml", "README.md", "LICENSE", *packages}
    assert all((ROOT / name).exists() for name in copied()[manager])
    for text in ((DEPLOY / "Containerfile").read_text(), (DEPLOY / "accelerator-server.def").read_text()):
        extras = {name for words in re.findall(r"EXTRAS=([\w,]+)", text) for name in words.split(",")}
        assert extras == {"uvloop", "gpu"}
        assert extras <= set(setup["options.extras_require"])


@pytest.mark.parametrize("page", [DEPLOY / "grafana.json", DOCS / "site_admin.md"], ids=["grafana", "page"])
def test_the_metrics_that_are_named_exist(page):
    metrics = Metrics()
    metrics.show_refused({"m": [1]})
    metrics.of_model("m", "1")
    metrics.requests.labels("200")
    metrics.refusals.labels("queue_full")
    known = set(re.findall(r"^(accelerator_\w+)", metrics.exposition().decode(), re.MULTILINE))
    asked = set(re.findall(r"accelerator_\w+", page.read_text()))
    assert len(asked) > 6
    assert asked <= known
