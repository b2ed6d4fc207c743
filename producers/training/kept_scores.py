"""Keeps the scores of a network on held-out jets, so that the next command need not compute them again."""

import dataclasses
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from producers.training.dataset import JetSample
from producers.training.event_shards import write_arrays

FloatArray = npt.NDArray[np.float64]


def kept_scores(
    folder: Path, tagger: bytes, jets: JetSample, compute: Callable[[], FloatArray]
) -> FloatArray:
    """Gives scores from the file that is named for what they are of, or computes and keeps them.

    Args:
        folder: Where files of scores are; made if it is not there.
        tagger: All that the scores depend on besides the jets.
        jets: What is scored.
        compute: Scores them: float64, (n_jets,).
    """
    digest = hashlib.sha256(tagger)
    for field in dataclasses.fields(jets):
        digest.update(np.ascontiguousarray(getattr(jets, field.name)).tobytes())
    path = folder / f"{digest.hexdigest()[:32]}.npz"
    if path.exists():
        with np.load(path) as arrays:
            return np.asarray(arrays["scores"], np.float64)
    scores = compute()
    folder.mkdir(parents=True, exist_ok=True)
    write_arrays(path, {"scores": scores})
    return scores
