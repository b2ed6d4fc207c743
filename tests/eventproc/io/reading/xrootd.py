"""An XRootD server of this machine over one folder."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

CONFIGURATION = """
all.export /data
oss.localroot {folder}
xrd.port {port}
xrd.network nodnr
all.adminpath {folder}/run
all.pidpath {folder}/run
"""
LONGEST_START_S = 30.0


@contextmanager
def xrootd_server(folder):
    """Serves ``folder/data`` as ``root://127.0.0.1:port//data``; gives that address."""
    port = free_port()
    configuration = folder / "x.cfg"
    configuration.write_text(CONFIGURATION.format(folder=folder, port=port))
    (folder / "run").mkdir()
    command = [shutil.which("xrootd"), "-c", str(configuration), "-l", str(folder / "x.log"), "-n", "test"]
    with subprocess.Popen([*command, *as_nobody(folder)], stdout=subprocess.DEVNULL) as server:
        try:
            wait_for(port, server, folder)
            yield f"root://127.0.0.1:{port}//data"
        finally:
            server.send_signal(signal.SIGTERM)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_nobody(folder):
    """XRootD refuses to run as root."""
    if os.getuid() != 0:
        return []
    nobody = pwd.getpwnam("nobody")
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    for parent in folder.parents:
        if parent.stat().st_mode & 0o005 != 0o005 and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o055)
    return ["-R", "nobody"]


def wait_for(port, server, folder):
    deadline_s = time.monotonic() + LONGEST_START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            logs = [path.read_text() for path in folder.glob("**/x.log")]
            assert server.poll() is None, "\n".join(logs)
            assert time.monotonic() < deadline_s, "\n".join(logs)
            time.sleep(0.02)
        else:
            return
