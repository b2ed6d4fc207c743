"""The run script of a job: POSIX sh, brings its own framework, needs a Python with its dependencies."""

from __future__ import annotations

import shlex

_SCRIPT = """\
#!/bin/sh
# Runs the job of this folder on a worker: sh run.sh ATTEMPT
# The framework is unpacked once per host from the wheels beside this script; a Python 3.11 or newer that has
# its dependencies must be there: @PYTHON@, or the one that setup.sh names in EVENTPROC_PYTHON.
set -eu
job=$(cd "$(dirname "$0")" && pwd)
attempt=$1
if [ -f "$job/setup.sh" ]; then . "$job/setup.sh"; fi
python=${EVENTPROC_PYTHON:-@PYTHON@}
cache=${EVENTPROC_SOFTWARE:-${TMPDIR:-/tmp}/eventproc-$(id -u)}
mkdir -p -m 700 "$cache" 2>/dev/null || true
if ! [ -O "$cache" ]; then cache=$(mktemp -d); fi
software=$cache/@KEY@
if ! [ -d "$software" ]; then
    new=$(mktemp -d "$cache/new-XXXXXX")
    for wheel in "$job"/*.whl; do "$python" -m zipfile -e "$wheel" "$new"; done
    mv -T "$new" "$software" 2>/dev/null || rm -rf "$new"  # another job of this host was faster
fi
PYTHONPATH=$software${PYTHONPATH:+:$PYTHONPATH}
export PYTHONPATH
exec "$python" -m eventproc.batch.worker "$job" "$attempt"
"""


def render_run_script(python: str, key: str) -> str:
    """The script.

    Args:
        python: interpreter on the worker.
        key: names the code that is shipped along; hosts keep what they unpacked under it.
    """
    return _SCRIPT.replace("@PYTHON@", shlex.quote(python)).replace("@KEY@", key)
