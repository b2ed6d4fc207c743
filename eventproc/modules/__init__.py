"""What an author inherits: sources, producers, filters, analyzers, outputs, services and their parameters."""

from eventproc.model.transition import BranchType, Transition
from eventproc.modules.declare import Declare
from eventproc.modules.file_merge import FileMerge
from eventproc.modules.module import EDAnalyzer, EDFilter, EDProducer, ExternalWork, Module
from eventproc.modules.output import OutputModule, OutputParts
from eventproc.modules.parameters import ParameterDescription, doc
from eventproc.modules.service import Service
from eventproc.modules.source import Source, SourceBinding, SourceEvent

__all__ = [
    "BranchType",
    "Declare",
    "EDAnalyzer",
    "EDFilter",
    "EDProducer",
    "ExternalWork",
    "FileMerge",
    "Module",
    "OutputModule",
    "OutputParts",
    "ParameterDescription",
    "Service",
    "Source",
    "SourceBinding",
    "SourceEvent",
    "Transition",
    "doc",
]
