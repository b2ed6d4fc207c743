"""From a model's class probabilities to one score and one status for each jet."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eventproc.errors import ConfigurationError
from inference_client.protocol.messages import ModelMetadata
from inference_client.result import InferenceResult
from producers.datatypes import TagStatus, TopTags

_NAN = np.float32(np.nan)
_OK, _EMPTY_IMAGE, _CALL_FAILED, _INVALID_SCORE = map(
    np.uint8, (TagStatus.ok, TagStatus.emptyImage, TagStatus.callFailed, TagStatus.invalidScore)
)
"""As numpy has them: of an enumeration it would ask, at every event, what it is."""


def signal_column(model: ModelMetadata, label: str) -> int:
    """Finds a class among those that a model names.

    Raises:
        ConfigurationError: the model does not name its classes, or has no such class.
    """
    labels = model.parameters.labels
    if label not in labels:
        message = (
            f"model {model.name!r} has no class {label!r}; "
            f"its classes are {', '.join(map(repr, labels)) or 'not named'}"
        )
        raise ConfigurationError(message)
    return labels.index(label)


def top_tags(response: InferenceResult | None, column: int, asked: npt.NDArray[np.bool_]) -> TopTags:
    """Scores of jets; a jet without a valid one has NaN and a status that says why.

    Args:
        response: the answer for the jets asked about, `scores` (n_asked, n_classes); None: none came.
        column: the class to score.
        asked: bool, (n_jets,); of the other jets there was nothing to send.
    """
    if response is None:
        return TopTags(np.full(len(asked), np.nan, np.float32), np.where(asked, _CALL_FAILED, _EMPTY_IMAGE))
    values = response.outputs["scores"][:, column].astype(np.float32)
    valid = (values >= 0) & (values <= 1)  # False for NaN too
    if len(values) == len(asked) and valid.all():
        return TopTags(values, np.zeros(len(asked), np.uint8))  # _OK
    score = np.full(len(asked), np.nan, np.float32)
    status = np.full(len(asked), _EMPTY_IMAGE)
    score[asked] = np.where(valid, values, _NAN)
    status[asked] = np.where(valid, _OK, _INVALID_SCORE)
    return TopTags(score, status)
