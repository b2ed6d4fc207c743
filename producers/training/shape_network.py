"""The network of JetShapeTagger: two hidden layers on the twelve numbers of a jet, and how it is trained."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from producers.algorithms.jet_shape import FEATURES, jet_shape
from producers.training.dataset import JetSample

FloatArray = npt.NDArray[np.float64]

LABELS: Final = ("QCD", "top")
HIDDEN: Final = (32, 16)
_SEED: Final = 1


@dataclass(frozen=True, slots=True)
class ShapeNetwork:
    """A trained network.

    Attributes:
        mean, width: float64, (12,), of the features in training.
        layers: Weights (n_in, n_out) and biases (n_out,) of each layer; the last has one output, the logit.
        n_training_jets: Jets that it was trained on.
    """

    mean: FloatArray
    width: FloatArray
    layers: tuple[tuple[FloatArray, FloatArray], ...]
    n_training_jets: int

    def scores(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Scores as the exported graph gives them.

        Args:
            features: float32, (n, 12).

        Returns:
            float32, (n, 2), probabilities of QCD and top.
        """
        hidden = (features - self.mean) / self.width
        for weights, bias in self.layers[:-1]:
            hidden = np.maximum(hidden @ weights + bias, 0.0)
        weights, bias = self.layers[-1]
        top = 1.0 / (1.0 + np.exp(-(hidden @ weights + bias)))
        return np.concatenate([1.0 - top, top], axis=1).astype(np.float32)


def jet_features(sample: JetSample) -> npt.NDArray[np.float32]:
    """The features of every jet by the function that serving uses: float32, (n_jets, 12)."""
    edges = np.concatenate([[0], np.cumsum(sample.crystal_counts)])
    rows = np.empty((len(sample), len(FEATURES)), np.float32)
    columns = [
        column.astype(np.float64) for column in (sample.crystal_et, sample.crystal_eta, sample.crystal_phi)
    ]
    for jet in range(len(sample)):
        crystals = slice(edges[jet], edges[jet + 1])
        et, d_eta, d_phi = (column[crystals] for column in columns)
        rows[jet] = jet_shape(et, d_eta, d_phi, float(sample.jet_et[jet]), float(sample.jet_mass[jet]))
    return rows


def train_shape_network(features: npt.NDArray[np.float32], label: npt.NDArray[np.int64]) -> ShapeNetwork:
    """Trains a network; the same jets give the same network.

    Args:
        features: float32, (n_jets, 12).
        label: int64, (n_jets,), 1 for top, 0 for QCD.
    """
    # An extra, and slow to import; only who trains needs it.
    from sklearn.neural_network import MLPClassifier  # noqa: PLC0415

    mean = features.mean(axis=0, dtype=np.float64)
    width = np.maximum(features.std(axis=0, dtype=np.float64), 1e-6)
    network = MLPClassifier(
        HIDDEN, batch_size=256, learning_rate_init=2e-3, alpha=1e-4, max_iter=60, early_stopping=True,
        n_iter_no_change=8, random_state=_SEED,
    )  # fmt: skip
    network.fit((features - mean) / width, label)
    layers = tuple(zip(network.coefs_, network.intercepts_, strict=True))
    return ShapeNetwork(mean, width, layers, len(label))
