"""The ROC curve of scores; ``tagging_metrics`` has the figures of merit."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def roc_points(signal: npt.ArrayLike, background: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Efficiencies of cuts at falling scores, from nothing kept to everything kept; ties move together.

    Args:
        signal: (n_signal,), finite scores, at least one.
        background: (n_background,), finite scores, at least one.

    Returns:
        Signal and background efficiency, float64, (n_cuts + 1,) each, both from 0 to 1.
    """
    kept, passed = np.sort(np.asarray(signal, np.float64)), np.sort(np.asarray(background, np.float64))
    cuts = np.unique(np.concatenate([kept, passed]))[::-1]
    efficiencies = (1 - np.searchsorted(scores, cuts, "left") / len(scores) for scores in (kept, passed))
    of_signal, of_background = (np.append(0.0, e) for e in efficiencies)
    return of_signal, of_background
