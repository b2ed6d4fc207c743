"""A figure becomes a picture: in a file, or an error that says why not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from eventproc.errors import FileWriteError


def write_picture(figure: Figure, output: Path, **how: Any) -> None:
    """Writes a figure that pyplot does not know, so that nobody has to close it.

    Args:
        figure: what is drawn.
        output: picture to write, its folder too.
        how: as for ``savefig``.

    Raises:
        FileWriteError: the picture cannot be written.
    """
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output, **how)
    except (OSError, ValueError) as error:
        message = f"picture {str(output)!r} cannot be written: {error}"
        raise FileWriteError(message) from error
