"""Engine: the small interface to a batch system; it carries attempts, and is not trusted to remember them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import ClassVar

from eventproc.batch.records import Limits
from eventproc.errors import ConfigurationError, near_names


class EngineState(Enum):
    """What a batch system says of an attempt that it still knows."""

    IDLE = "idle"
    RUNNING = "running"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Errand:
    """An attempt as an engine carries it: ``sh SCRIPT ATTEMPT``, its output into the log.

    Attributes:
        job: number of the job.
        attempt: number of the attempt.
        script: the job's run script.
        log: file for what the script prints.
        limits: what it may take.
    """

    job: int
    attempt: int
    script: Path
    log: Path
    limits: Limits


class Engine(ABC):
    """Base of all engines.

    An engine need not remember what it once ran: what it does not know any more is over.
    """

    name: ClassVar[str]
    options: ClassVar[Mapping[str, str]] = {}
    """What the engine can be told: name to meaning."""

    def __init__(self, task: str, folder: Path, options: Mapping[str, str]) -> None:
        """Takes what the user says.

        Args:
            task: name of the task, for people to recognise.
            folder: for files of the engine's own.
            options: values by name.

        Raises:
            ConfigurationError: an option is not known.
        """
        for option in options:
            if option not in self.options:
                hint = near_names(option, self.options)
                message = (
                    f"engine {self.name!r} has no option {option!r}: {hint} "
                    "(memory, time and cores are --maxmemory, --maxjobruntime and --numcores)"
                )
                raise ConfigurationError(message)
        self._task = task
        self._folder = folder
        self._given = options

    def told(self, options: Mapping[str, str]) -> Engine:
        """The same engine, told something else.

        Raises:
            ConfigurationError: an option is not known, or has a value that it cannot have.
        """
        return type(self)(self._task, self._folder, options)

    def check_folder(self) -> None:
        """Checks that jobs can lie where they will, before anything is written there.

        Raises:
            ConfigurationError: the batch system cannot carry the path.
        """

    @abstractmethod
    def submit(self, errands: Sequence[Errand]) -> Iterator[tuple[Errand, str]]:
        """Hands errands over; yields each with the batch system's name for it as soon as it is known.

        Raises:
            EngineFailure: the batch system refuses or cannot be reached.
            ConfigurationError: an option has a value that it cannot have.
        """

    @abstractmethod
    def poll(self, engine_ids: Sequence[str]) -> Mapping[str, EngineState]:
        """The state of attempts; those that are over, or were never known, are left out.

        Raises:
            EngineFailure: the batch system cannot be asked, which says nothing about the attempts.
        """

    def explain(self, engine_ids: Sequence[str]) -> Mapping[str, str]:  # noqa: ARG002 - for those that can
        """Why attempts that left no word are over, in a sentence each, as far as the batch system knows.

        Raises:
            EngineFailure: the batch system cannot be asked.
        """
        return {}

    @abstractmethod
    def kill(self, engine_ids: Sequence[str]) -> None:
        """Ends attempts, running or not; those that are over are left alone.

        Raises:
            EngineFailure: the batch system cannot be asked.
        """
