"""The errors of jobs on a grid, with the exit codes that CMS's job wrapper gives them."""

from __future__ import annotations

from eventproc.errors import EventProcError, ExternalFailure, FileReadError


class EngineFailure(ExternalFailure):
    """A batch system cannot be asked, or refuses what it is asked."""

    category = "BatchSystem"


class DamagedRecord(FileReadError):
    """A record file holds something else than its record, such as nothing: a full disk, a lost node."""


class NoJobReport(EventProcError):
    """The job left no report: killed, crashed, or its node was lost."""

    exit_code = 50115
    category = "NoJobReport"


class MemoryExceeded(EventProcError):
    """The job took more memory than it asked for."""

    exit_code = 50660
    category = "MemoryExceeded"


class WallTimeExceeded(EventProcError):
    """The job took longer than it asked for."""

    exit_code = 50664
    category = "WallTimeExceeded"


class StageOutFailure(EventProcError):
    """The output could not be brought to its place."""

    exit_code = 60307
    category = "StageOutFailure"


class StageInFailure(EventProcError):
    """An input could not be brought to the worker."""

    exit_code = 60311
    category = "StageInFailure"
