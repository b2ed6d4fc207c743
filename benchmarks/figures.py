"""How every benchmark prints what it measured: one line a figure, ``name value goal ok|short``."""

import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """A measured ratio and the least, or the most, it should be.

    Attributes:
        name: what it is, without white space.
        value: what was measured.
        goal: what it should reach.
        at_most: the goal is an upper bound.
    """

    name: str
    value: float
    goal: float
    at_most: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether the value is on the right side of the goal."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal

    def __str__(self) -> str:
        """The line that is printed."""
        sign = "<=" if self.at_most else ">="
        return f"{self.name} {self.value:.3g} {sign}{self.goal:g} {'ok' if self.is_reached else 'short'}"


def print_figures(*figures: Figure) -> None:
    """Prints the figures; a goal that is missed is told, and is no error."""
    sys.stdout.flush()
    for figure in figures:
        print(figure)
