"""Transition and BranchType: when a module makes a product, and what the product belongs to."""

from __future__ import annotations

from enum import StrEnum


class BranchType(StrEnum):
    """What a product belongs to (DataFormats/Provenance, BranchType.h)."""

    InEvent = "Event"
    InLumi = "LuminosityBlock"
    InRun = "Run"


class Transition(StrEnum):
    """When a product is made (FWCore/Utilities, Transition.h)."""

    Event = "Event"
    BeginLuminosityBlock = "BeginLuminosityBlock"
    EndLuminosityBlock = "EndLuminosityBlock"
    BeginRun = "BeginRun"
    EndRun = "EndRun"

    @property
    def branch_type(self) -> BranchType:
        """What a product made then belongs to."""
        return BranchType(self.removeprefix("Begin").removeprefix("End"))
