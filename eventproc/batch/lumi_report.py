"""Lumi JSONs of a task: what was processed, and what is not finished."""

from __future__ import annotations

import json
from pathlib import Path

from eventproc.batch.job_status import State
from eventproc.batch.manifest import content_mask
from eventproc.batch.record_files import write_whole
from eventproc.batch.task_folder import TaskFolder
from eventproc.batch.task_status import TaskStatus
from eventproc.model.ranges import LumiMask, lumi_mask

LUMI_REPORTS = ("lumisToProcess.json", "processedLumis.json", "notFinishedLumis.json")


def lumi_masks(task: TaskFolder, status: TaskStatus) -> dict[str, LumiMask]:
    """The masks by CRAB's names of their files.

    A luminosity block that several jobs share counts as processed only when all of them are finished. Of
    files that nobody looked into, only what finished jobs report is known.
    """
    finished = set(status.of(State.FINISHED))
    remaining = content_mask(job for job in task.record.jobs if job.id not in finished)
    read = lumi_mask(
        lumi for job in status.jobs if job.facts.done is not None for lumi in job.facts.done.lumis_read
    )
    return {
        "lumisToProcess": content_mask(task.record.jobs),
        "processedLumis": read.without(remaining),
        "notFinishedLumis": remaining,
    }


def write_lumi_report(task: TaskFolder, status: TaskStatus, folder: Path) -> dict[str, Path]:
    """Writes a golden JSON for each mask into a folder.

    Returns:
        The files by the name of the mask.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, mask in lumi_masks(task, status).items():
        paths[name] = folder / f"{name}.json"
        write_whole(paths[name], json.dumps(mask.to_json()) + "\n")
    return paths
