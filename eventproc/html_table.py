"""HTML of tables and folds, for what notebooks show of our objects; all text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_LEFT = "text-align:left;vertical-align:top"
"""Notebooks align cells to the right, which suits numbers and not names."""


def html_table(rows: Iterable[Sequence[object]], head: Sequence[str] = ()) -> str:
    """A table of plain text.

    Args:
        rows: cells of each row; the first cell of a row stands out.
        head: titles of the columns.
    """
    titles = "".join(f'<th style="{_LEFT}">{escape(title)}</th>' for title in head)
    lines = [f"<thead><tr>{titles}</tr></thead>"] if head else []
    lines.append("<tbody>")
    for row in rows:
        cells = "".join(f'<td style="{_LEFT}">{escape(str(cell))}</td>' for cell in row[1:])
        lines.append(f'<tr><th style="{_LEFT}">{escape(str(row[0]))}</th>{cells}</tr>')
    lines.append("</tbody>")
    return f"<table>{''.join(lines)}</table>"


def html_title(title: str, rest: str = "") -> str:
    """A line with a title in bold."""
    return f"<p><b>{escape(title)}</b> {escape(rest)}</p>"


def html_fold(title: str, body: str, *, is_open: bool = False) -> str:
    """HTML that folds away under its title."""
    state = " open" if is_open else ""
    return f'<details{state} style="margin-left:1em"><summary>{escape(title)}</summary>{body}</details>'
