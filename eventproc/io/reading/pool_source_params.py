"""PoolSourceParams: what a job file writes of the events it wants."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from eventproc.modules.parameters import ParameterDescription, doc


class PoolSourceParams(ParameterDescription):
    """Which files, which layout, which events; CMSSW's names and defaults where it has them."""

    fileNames: Annotated[
        list[str],
        doc(
            "input files: paths, file: and a path, or URLs of root:, http: and https:; with * for several",
            untracked=True,
            min_length=1,
        ),
    ]
    layout: Annotated[str, doc("name of the layout of the files; auto tries all there are")] = "auto"
    layoutParameters: Annotated[dict[str, Any], doc("parameters of the layout, by name")] = msgspec.field(
        default_factory=dict
    )
    skipEvents: Annotated[
        int, doc("events to leave out at the beginning, of those all else selects", untracked=True, ge=0)
    ] = 0
    entriesToProcess: Annotated[
        list[str],
        doc("for each of fileNames its entries, as first-last from 0; '' for all", untracked=True),
    ] = []
    firstRun: Annotated[int, doc("events of earlier runs are left out", untracked=True, ge=0)] = 1
    firstLuminosityBlock: Annotated[
        int, doc("earlier luminosity blocks of firstRun are left out", untracked=True, ge=0)
    ] = 0
    firstEvent: Annotated[
        int,
        doc(
            "earlier events of firstLuminosityBlock, or if that is 0 of firstRun, are left out",
            untracked=True,
            ge=0,
        ),
    ] = 1
    lumisToProcess: Annotated[
        list[str],
        doc(
            "luminosity blocks to process, as run:first-run:last, or golden JSONs; none: all", untracked=True
        ),
    ] = []
    lumisToSkip: Annotated[
        list[str], doc("luminosity blocks to leave out, written as lumisToProcess", untracked=True)
    ] = []
    eventsToProcess: Annotated[
        list[str],
        doc("events to process, as run:event-run:event or run:lumi:event-run:lumi:event", untracked=True),
    ] = []
    eventsToSkip: Annotated[
        list[str], doc("events to leave out, written as eventsToProcess", untracked=True)
    ] = []
    duplicateCheckMode: Annotated[
        Literal["checkAllFilesOpened", "checkEachFile", "checkEachRealDataFile", "noDuplicateCheck"],
        doc("where events that come twice are looked for; files do not say whether they are real data",
            untracked=True),
    ] = "checkEachRealDataFile"  # fmt: skip
    onDuplicate: Annotated[
        Literal["skip", "warn", "fail"],
        doc("whether an event that comes again is left out, processed, or ends the job", untracked=True),
    ] = "skip"
    skipBadFiles: Annotated[
        bool, doc("whether files that cannot be opened are left out and reported", untracked=True)
    ] = False
    checksumManifest: Annotated[
        str,
        doc(
            "lines of sha256sum, a list of files with sha256 or adler32, or the JSON of a job report: "
            "every file is read and compared before the first event",
            untracked=True,
        ),
    ] = ""
