"""Schedule: which paths run, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from eventproc.config.labels import Labelled
from eventproc.config.place import caller_place, refuse
from eventproc.config.sequences import EndPath, FinalPath, Path
from eventproc.config.tasks import Task


class Schedule(Labelled):
    """``process.schedule = cms.Schedule(process.p, process.out)``: only these paths run, in this order."""

    def __init__(self, *paths: Path | EndPath | FinalPath, tasks: Task | Iterable[Task] = ()) -> None:
        """Takes paths, and tasks that serve all of them.

        Raises:
            ConfigurationError: something else is among them.
        """
        self._where = caller_place()
        self._paths: list[Path | EndPath | FinalPath] = []
        self._tasks: list[Task] = []
        self.extend(paths)
        self.associate(*([tasks] if isinstance(tasks, Task) else tasks))

    def associate(self, *tasks: Task) -> None:
        """Lets the modules of tasks run on demand for all paths.

        Raises:
            ConfigurationError: something is not a Task.
        """
        for task in tasks:
            if not isinstance(task, Task):
                refuse(f"cms.Schedule takes cms.Task as tasks, not {task!r}")
            self._tasks.append(task)

    def append(self, path: Path | EndPath | FinalPath) -> None:
        """Adds a path at the end."""
        self._paths.append(self._checked(path))

    def extend(self, paths: Iterable[Path | EndPath | FinalPath]) -> None:
        """Adds paths at the end."""
        for path in paths:
            self.append(path)

    def insert(self, index: int, path: Path | EndPath | FinalPath) -> None:
        """Adds a path before the path of that index."""
        self._paths.insert(index, self._checked(path))

    def remove(self, path: Path | EndPath | FinalPath) -> None:
        """Takes a path out.

        Raises:
            ValueError: it is not there.
        """
        self._paths.remove(path)

    def index(self, path: Path | EndPath | FinalPath) -> int:
        """Where a path is.

        Raises:
            ValueError: it is not there.
        """
        return self._paths.index(path)

    def contains(self, path: Path | EndPath | FinalPath) -> bool:
        """Whether a path is in it."""
        return path in self._paths

    def copy(self) -> Schedule:
        """Another one of the same paths and tasks."""
        return Schedule(*self._paths, tasks=self._tasks)

    def _checked(self, path: Any) -> Path | EndPath | FinalPath:
        if not isinstance(path, (Path, EndPath, FinalPath)):
            name = path._described() if isinstance(path, Labelled) else repr(path)
            refuse(f"cms.Schedule takes paths, not {name}")
        return path

    def __iadd__(self, paths: Iterable[Path | EndPath | FinalPath]) -> Schedule:
        self.extend(paths)
        return self

    def __iter__(self) -> Iterator[Path | EndPath | FinalPath]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> Path | EndPath | FinalPath:
        return self._paths[index]
