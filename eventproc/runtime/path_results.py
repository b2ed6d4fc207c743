"""What became of an event on the paths: who is told, and which output modules select by it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

from eventproc.errors import ConfigurationError
from eventproc.model.event import Event
from eventproc.model.event_selection import Criterion, EventSelection
from eventproc.model.input_tag import InputTag
from eventproc.model.token import Token
from eventproc.model.trigger_results import PATHS, TRIGGER_RESULTS, PathState, PathStatus, TriggerResults
from eventproc.modules.output import OutputModule
from eventproc.runtime.ordered_output import Wants, wants_all
from eventproc.runtime.paths import StatusTokens
from eventproc.runtime.registry import ProductRegistry, Resolution


class PathResults:
    """Promises TriggerResults and each path's PathStatus, and asks for those that outputs select by.

    Args:
        process: name of the process that runs.
        paths: names of its paths.
        registry: where they are promised and asked for.
    """

    def __init__(self, process: str, paths: Sequence[str], registry: ProductRegistry) -> None:
        self._process = process
        self._paths = tuple(paths)
        self._registry = registry
        self._results = Token(TriggerResults, InputTag(TRIGGER_RESULTS))
        self._results.attributes = {PATHS: list(paths)}
        self._of_path = {i: Token(PathStatus, InputTag(name)) for i, name in enumerate(paths)}
        # By label of output module: its criteria and the results they ask for, by process.
        self._selections: dict[str, dict[str, tuple[list[Criterion], Token[TriggerResults]]]] = {}
        if paths:
            registry.promise(TRIGGER_RESULTS, self._results, "")
        for name, token in zip(paths, self._of_path.values(), strict=True):
            registry.promise(name, token, "", transient=True)

    def select_for(self, label: str, output: OutputModule) -> None:
        """Takes down which events an output wants.

        Raises:
            ConfigurationError: an expression is not understood, or this process has no paths.
        """
        by_process: defaultdict[str, list[Criterion]] = defaultdict(list)
        for text in output.select_events():
            criterion = Criterion.parse(text, f"output module {label!r}")
            by_process[criterion.process or self._process].append(criterion)
        if self._process in by_process and not self._paths:
            text = by_process[self._process][0].text
            message = f"output module {label!r}: SelectEvents expression {text!r}: this process has no Path"
            raise ConfigurationError(message)
        self._selections[label] = {
            process: (criteria, self._ask(label, process)) for process, criteria in by_process.items()
        }

    def takes_failed(self, label: str) -> bool:
        """Whether an output asks for events on whose paths an error occurred."""
        return any(
            criterion.state is PathState.Exception
            for criteria, _ in self._selections[label].values()
            for criterion in criteria
        )

    def wants(self, label: str) -> Wants:
        """An output's selection; to be called when all tokens are resolved.

        Raises:
            ConfigurationError: an expression matches no path.
        """
        tests = [
            _test(token, EventSelection(criteria, token.attributes[PATHS], f"output module {label!r}"))
            for criteria, token in self._selections[label].values()
        ]
        return (lambda event: any(test(event) for test in tests)) if tests else wants_all

    def tokens(self, resolution: Resolution) -> StatusTokens:
        """Where to put what somebody asks for."""
        wanted: set[str] = set().union(*resolution.dependencies.values())
        of_path: Mapping[int, Token[PathStatus]] = {
            position: token for position, token in self._of_path.items() if token.tag.label in wanted
        }
        return StatusTokens(self._results if TRIGGER_RESULTS in wanted else None, of_path)

    def _ask(self, label: str, process: str) -> Token[TriggerResults]:
        token = Token(TriggerResults, InputTag(TRIGGER_RESULTS, "", process))
        self._registry.request(label, token, optional=False)
        return token


def _test(token: Token[TriggerResults], selection: EventSelection) -> Callable[[Event], bool]:
    return lambda event: selection.wants(event.get(token).state.tobytes())
