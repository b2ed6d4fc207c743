"""``eventproc collect``, CRAB's ``getoutput``: verified and merged outputs of a task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eventproc.batch.lumi_report import write_lumi_report
from eventproc.batch.results_folder import only_collection, writing_results
from eventproc.batch.task_status import figures, read_status
from eventproc.cli.task_words import Task, open_task


def collect(
    task: Task,
    output: Annotated[
        Path | None, typer.Option("--outputdir", help="folder for the files; default: TASK/results")
    ] = None,
    files: Annotated[int, typer.Option("--files", min=1, help="merged files per output module")] = 1,
    partial: Annotated[
        bool, typer.Option("--partial", help="collect the finished jobs though others are not")
    ] = False,
) -> None:
    """Verify all outputs and merge them in order; write the merged report, lumi JSONs and a picture."""
    # uproot and matplotlib are slow to load, and help needs neither.
    from eventproc.batch.campaign_plot import draw_campaign  # noqa: PLC0415
    from eventproc.batch.collection import REPORT, collect_outputs, write_merged_report  # noqa: PLC0415

    folder, engine = open_task(task)
    target = output or folder.path / "results"
    with writing_results(target), only_collection(target):
        found = read_status(folder, engine)
        collected = collect_outputs(folder, found, target, n_files=files, partial=partial)
        write_merged_report(folder, found, collected, target)
        write_lumi_report(folder, found, target)
        if taken := figures(found):
            draw_campaign(taken, target / "campaign.png")
    for label, merged in collected.files.items():
        for file in merged:
            typer.echo(f"{label}: {file.path} ({file.events} events)")
    typer.echo(f"{collected.jobs} of {len(found.jobs)} jobs, {collected.events_read} events read")
    typer.echo(f"report: {target / REPORT}")
