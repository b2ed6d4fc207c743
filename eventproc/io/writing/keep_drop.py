"""KeepDrop: which branches are kept, by CMSSW's keep and drop commands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from eventproc.errors import ConfigurationError
from eventproc.model.branch import BranchDescription

_EVERYTHING = ("*", "*", "*", "*")


@dataclass(frozen=True, slots=True)
class KeepDropCommand:
    """One command.

    Attributes:
        keep: whether it keeps or drops.
        pattern: of type, label, instance and process; ``*`` and ``?`` as in a shell.
    """

    keep: bool
    pattern: tuple[str, ...]

    def matches(self, branch: BranchDescription) -> bool:
        """Whether the command speaks of a branch."""
        name = (branch.type_name, branch.label, branch.instance, branch.process)
        return all(map(fnmatchcase, name, self.pattern))


def parse_command(text: str) -> KeepDropCommand:
    """Reads ``keep *``, ``drop *``, or ``keep`` or ``drop`` with ``type_label_instance_process``.

    Raises:
        ConfigurationError: the text is neither.
    """
    words = text.split()
    if len(words) == 2 and words[0] in ("keep", "drop"):
        pattern = _EVERYTHING if words[1] == "*" else tuple(words[1].split("_"))
        if len(pattern) == len(_EVERYTHING):
            return KeepDropCommand(words[0] == "keep", pattern)
    message = (
        f"output command {text!r} is not understood; write 'keep *', 'drop *' or, with wildcards, "
        "'keep type_label_instance_process' such as 'drop *_ecalRecHits_*_*'"
    )
    raise ConfigurationError(message)


class KeepDrop:
    """A list of commands: the last that matches a branch decides.

    A branch of which none speaks is dropped if the first command keeps, as in CMSSW (ProductSelectorRules),
    and kept if there is no command, or the first one drops: CMSSW would then keep nothing at all.
    """

    def __init__(self, commands: Sequence[str]) -> None:
        """Reads the commands.

        Raises:
            ConfigurationError: one of them is not understood.
        """
        self._commands = [parse_command(text) for text in commands]

    def keeps(self, branch: BranchDescription) -> bool:
        """Whether a branch is kept."""
        matching = (command.keep for command in reversed(self._commands) if command.matches(branch))
        return next(matching, not (self._commands and self._commands[0].keep))
