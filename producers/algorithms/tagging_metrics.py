"""Measures how well scores separate two kinds of jets, each figure with its statistical error."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure and its standard error."""

    value: float
    error: float

    def __str__(self) -> str:
        """Writes both with as many digits as the error deserves."""
        if not (math.isfinite(self.error) and self.error > 0):
            return f"{self.value:.4g}"
        digits = max(0, 1 - math.floor(math.log10(self.error)))
        return f"{self.value:.{digits}f} +- {self.error:.{digits}f}"


@dataclass(frozen=True, slots=True)
class TaggingPerformance:
    """What a tagger reaches on a sample of labelled jets.

    Attributes:
        n_signal: Jets labelled 1.
        n_background: Jets labelled 0.
        auc: Area under the curve of signal efficiency against background efficiency; 0.5 is a coin.
        accuracy: Share of jets on the right side of a score of 0.5.
        rejection_at_30: One over the background efficiency where the signal efficiency is 30%.
        rejection_at_50: The same at 50%.
    """

    n_signal: int
    n_background: int
    auc: Measured
    accuracy: Measured
    rejection_at_30: Measured
    rejection_at_50: Measured


def measure_tagging(scores: npt.ArrayLike, labels: npt.ArrayLike) -> TaggingPerformance:
    """Measures scores against truth.

    Args:
        scores: (n_jets,), higher for signal.
        labels: int, (n_jets,), 1 for signal, 0 for background; others are left out.

    Returns:
        All figures.

    Raises:
        ValueError: A score is not finite, or one of the two kinds is missing.
    """
    score, label = np.asarray(scores, np.float64), np.asarray(labels)
    signal, background = score[label == 1], score[label == 0]
    if not (len(signal) and len(background) and np.isfinite(signal).all() and np.isfinite(background).all()):
        message = (
            f"cannot measure tagging on {len(signal)} signal and {len(background)} background jets: "
            "both must be there and every score finite"
        )
        raise ValueError(message)
    right = np.count_nonzero(signal > 0.5) + np.count_nonzero(background <= 0.5)
    return TaggingPerformance(
        n_signal=len(signal),
        n_background=len(background),
        auc=area_under_curve(signal, background),
        accuracy=_proportion(int(right), len(signal) + len(background)),
        rejection_at_30=background_rejection(signal, background, 0.3),
        rejection_at_50=background_rejection(signal, background, 0.5),
    )


def area_under_curve(signal: FloatArray, background: FloatArray) -> Measured:
    """Gives the chance that a signal jet scores above a background jet; ties count half.

    The error follows Hanley and McNeil, Radiology 143 (1982) 29.

    Args:
        signal: float64, (n_signal,), scores.
        background: float64, (n_background,), scores.
    """
    ordered = np.sort(background)
    below = np.searchsorted(ordered, signal, "left") + np.searchsorted(ordered, signal, "right")
    area = float(below.mean() / (2 * len(background)))
    q1, q2 = area / (2 - area), 2 * area * area / (1 + area)
    variance = area * (1 - area) + (len(signal) - 1) * (q1 - area**2) + (len(background) - 1) * (q2 - area**2)
    return Measured(area, math.sqrt(max(variance, 0.0) / (len(signal) * len(background))))


def background_rejection(signal: FloatArray, background: FloatArray, efficiency: float) -> Measured:
    """Gives one over the share of background that passes the cut which keeps ``efficiency`` of the signal.

    The error is that of the number of background jets that pass; infinite rejection has infinite error.

    Args:
        signal: float64, (n_signal,), scores.
        background: float64, (n_background,), scores.
        efficiency: 0 to 1.
    """
    cut = float(np.quantile(signal, 1 - efficiency))
    passed = int(np.count_nonzero(background >= cut))
    if passed == 0:
        return Measured(math.inf, math.inf)
    rejection = len(background) / passed
    return Measured(rejection, rejection * math.sqrt((1 - passed / len(background)) / passed))


def _proportion(hits: int, trials: int) -> Measured:
    share = hits / trials
    return Measured(share, math.sqrt(share * (1 - share) / trials))


def area_difference(
    scores: npt.ArrayLike, other_scores: npt.ArrayLike, labels: npt.ArrayLike, *, n_samples: int = 200
) -> Measured:
    """Gives how much larger the area under the curve of one score is than that of another on the same jets.

    The error is the spread over bootstrap samples of jets: the scores share the jets, so that it is smaller
    than the errors of the two areas tell.

    Args:
        scores: (n_jets,), finite, higher for signal.
        other_scores: (n_jets,), finite, higher for signal.
        labels: int, (n_jets,), 1 for signal, 0 for background; others are left out.
        n_samples: bootstrap samples, from a fixed seed.
    """
    label = np.asarray(labels)
    both = np.stack([np.asarray(scores, np.float64), np.asarray(other_scores, np.float64)])
    signal, background = both[:, label == 1], both[:, label == 0]

    def difference(of_signal: npt.NDArray[np.int64], of_background: npt.NDArray[np.int64]) -> float:
        first, second = (
            area_under_curve(signal[row, of_signal], background[row, of_background]).value for row in (0, 1)
        )
        return first - second

    random = np.random.default_rng(0)
    n_signal, n_background = signal.shape[1], background.shape[1]
    samples = [
        difference(
            random.integers(0, n_signal, (n_signal,)), random.integers(0, n_background, (n_background,))
        )
        for _ in range(n_samples)
    ]
    return Measured(difference(np.arange(n_signal), np.arange(n_background)), float(np.std(samples)))
