"""Attempts: steps at the end of a job that are all tried, whatever becomes of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from eventproc.errors import as_framework_error
from eventproc.services.job_report import JobReport


class Attempts:
    """Errors go into a job's report and are not raised.

    Args:
        report: the job's.
    """

    def __init__(self, report: JobReport) -> None:
        self._report = report

    async def wait(self, step: Any) -> None:
        """Awaits a step; a cancelled one leaves the signal to tell."""
        try:
            await step
        except asyncio.CancelledError:
            return
        except Exception as error:  # noqa: BLE001 - services may raise anything
            self._report.add_error(as_framework_error(error))

    def do(self, step: Callable[[], Any]) -> Any:
        """Takes a step; None when it failed."""
        try:
            return step()
        except Exception as error:  # noqa: BLE001 - the rest of the job must still end
            self._report.add_error(as_framework_error(error))
            return None
