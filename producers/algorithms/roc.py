"""How well scores tell signal from background: ROC curve, its area, and background rejection."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RocCurve:
    """Efficiencies at falling thresholds, from nothing selected to everything selected.

    Attributes:
        signal_efficiency: (n_points,), from 0 to 1.
        background_efficiency: (n_points,), from 0 to 1.
        n_signal: jets of signal.
        n_background: jets of background.
    """

    signal_efficiency: FloatArray
    background_efficiency: FloatArray
    n_signal: int
    n_background: int

    @property
    def auc(self) -> float:
        """Area under signal efficiency against background efficiency; ties count half."""
        return float(np.trapezoid(self.signal_efficiency, self.background_efficiency))

    @property
    def auc_error(self) -> float:
        """Standard deviation of the area (Hanley and McNeil, Radiology 143 (1982) 29)."""
        a = self.auc
        q1, q2 = a / (2 - a), 2 * a * a / (1 + a)
        variance = a * (1 - a) + (self.n_signal - 1) * (q1 - a * a) + (self.n_background - 1) * (q2 - a * a)
        return float(np.sqrt(max(variance, 0.0) / (self.n_signal * self.n_background)))

    def rejection(self, signal_efficiency: float) -> tuple[float, float]:
        """Inverse background efficiency at a signal efficiency, and its binomial error.

        Returns:
            Infinity twice where no background is left.
        """
        passed = float(np.interp(signal_efficiency, self.signal_efficiency, self.background_efficiency))
        if passed <= 0:
            return float("inf"), float("inf")
        error = np.sqrt(passed * (1 - passed) / self.n_background)
        return 1 / passed, float(error / passed**2)


def roc_curve(score: npt.ArrayLike, is_signal: npt.ArrayLike) -> RocCurve:
    """Computes the ROC curve of scores.

    Args:
        score: (n,), higher means more like signal, finite.
        is_signal: (n,), truth.

    Raises:
        ValueError: Signal or background is missing, or a score is not finite.
    """
    scores, truth = np.asarray(score, np.float64), np.asarray(is_signal, np.bool_)
    n_signal, n_background = int(truth.sum()), int((~truth).sum())
    if not (n_signal and n_background and np.isfinite(scores).all()):
        message = (
            f"no ROC curve of {n_signal} signal and {n_background} background scores: "
            "there must be both, all of them finite"
        )
        raise ValueError(message)
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)
    signal = np.cumsum(truth[order])[last_of_ties] / n_signal
    background = np.cumsum(~truth[order])[last_of_ties] / n_background
    return RocCurve(np.append(0.0, signal), np.append(0.0, background), n_signal, n_background)
