"""A job without an end, in a process of its own, that says when its first event is processed."""

import os
import sys
from pathlib import Path

from eventproc.cli.main import application
from eventproc.modules import EDAnalyzer

N_EVENTS = 10_000_000
JOB = f"""
import eventproc.config as cms
process = cms.Process("TEST")
process.source = cms.Source("EmptySource")
process.maxEvents.input = {N_EVENTS}
process.options.numberOfStreams = 3
process.count = cms.EDProducer("tests.integration.modules:MakeCount")
process.say = cms.EDAnalyzer("{__name__}:Say")
process.out = cms.OutputModule("PoolOutputModule", fileName="out.root")
process.p = cms.Path(process.count + process.say)
process.e = cms.EndPath(process.out)
"""
SAYING = []


class Say(EDAnalyzer):
    """Tells the one who waits, once."""

    def __init__(self, params, declare):
        """There is nothing to declare."""

    def analyze(self, event):
        if SAYING:
            SAYING.pop().send("begun")


def run(folder, saying):
    """Runs the job by the command line in a folder; ends as the command does."""
    os.chdir(folder)
    SAYING.append(saying)
    Path("job_cfg.py").write_text(JOB)
    with Path("log").open("w") as log:
        os.dup2(log.fileno(), sys.stderr.fileno())
        application(["run", "job_cfg.py"])
