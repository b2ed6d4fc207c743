"""Shell completion, asked as bash asks."""

import os
import subprocess
import sys

import pytest

from eventproc.plugins import COMMANDS, plugin_names

BASH = "from eventproc.cli.main import main; import sys; sys.argv = ['eventproc']; main()"


def completions(line):
    words = line.split(" ")
    done = subprocess.run(
        [sys.executable, "-c", BASH],
        env={
            **os.environ,
            "_EVENTPROC_COMPLETE": "complete_bash",
            "COMP_WORDS": line,
            "COMP_CWORD": str(len(words) - 1),
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("begin", ["co", "p", "disp"])
def test_commands_are_completed(begin):
    expected = [name for name in plugin_names(COMMANDS) if name.startswith(begin)]
    assert completions(f"eventproc {begin}") == expected


def test_all_commands_are_offered():
    assert set(completions("eventproc ")) == set(plugin_names(COMMANDS))


def test_options_of_a_command_are_completed():
    assert {"--atol", "--any-process"} <= set(completions("eventproc compare --a"))
