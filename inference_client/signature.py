"""What a caller expects of a model, and how a server's model may differ from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import NamedTuple

from inference_client.errors import ModelMismatchError
from inference_client.protocol.messages import ModelMetadata, TensorMetadata
from inference_client.protocol.specification import specification_hash

FREE_AXIS = -1


class TensorSignature(NamedTuple):
    """Name, element type and shape of one input or output.

    Attributes:
        name: The model's name for it.
        datatype: Open Inference Protocol name of the element type, such as FP32.
        row_shape: Shape of one row; -1 is a free axis.
    """

    name: str
    datatype: str
    row_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelExpectation:
    """What a caller was made for; what is left out is not checked.

    Attributes:
        inputs: The inputs that the caller sends.
        outputs: The outputs that the caller reads; the model may have more.
        image_spec: The specification by which the caller makes its inputs.
        sha256: Digest of the model file, hex.
    """

    inputs: Sequence[TensorSignature] = ()
    outputs: Sequence[TensorSignature] = ()
    image_spec: Mapping[str, object] = field(default_factory=dict)
    sha256: str = ""


def check_model(expectation: ModelExpectation, model: ModelMetadata, server: str) -> None:
    """Checks that a server's model is the one that a caller was made for.

    Raises:
        ModelMismatchError: It is not; the message names every difference.
    """
    differences = [
        *_tensor_differences("input", expectation.inputs, model.inputs, all_of_them=True),
        *_tensor_differences("output", expectation.outputs, model.outputs, all_of_them=False),
        *_specification_differences(expectation.image_spec, model),
    ]
    if expectation.sha256 and expectation.sha256 != model.parameters.sha256:
        differences.append(
            f"the model file has sha256 {model.parameters.sha256 or '(not announced)'}, "
            f"expected {expectation.sha256}"
        )
    if differences:
        message = f"model {model.name!r} of {server} does not fit: {'; '.join(differences)}"
        raise ModelMismatchError(message)


def row_shapes_agree(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two shapes are equal where neither leaves the axis free."""
    return one == other or (
        len(one) == len(other) and all(a == b or FREE_AXIS in (a, b) for a, b in zip(one, other, strict=True))
    )


def _tensor_differences(
    kind: str, expected: Sequence[TensorSignature], offered: Sequence[TensorMetadata], all_of_them: bool
) -> list[str]:
    by_name = {tensor.name: tensor for tensor in offered}
    differences = []
    for wanted in expected:
        tensor = by_name.get(wanted.name)
        if tensor is None:
            near = get_close_matches(wanted.name, by_name, n=1, cutoff=0.0)
            hint = f", the nearest is {near[0]!r}" if near else ""
            differences.append(f"it has no {kind} {wanted.name!r}{hint}")
        elif tensor.datatype != wanted.datatype or not row_shapes_agree(tensor.shape[1:], wanted.row_shape):
            differences.append(
                f"{kind} {wanted.name!r} is {tensor.datatype} with rows {tensor.shape[1:]}, "
                f"expected {wanted.datatype} with rows {list(wanted.row_shape)}"
            )
    unsent = sorted(set(by_name) - {wanted.name for wanted in expected})
    if expected and all_of_them and unsent:
        differences.append(f"it also wants {kind} {', '.join(map(repr, unsent))}")
    return differences


def _specification_differences(expected: Mapping[str, object], model: ModelMetadata) -> list[str]:
    if not expected or specification_hash(expected) == model.parameters.image_spec_hash:
        return []
    trained = model.parameters.image_spec
    if not trained:
        return ["it announces no image specification"]
    keys = sorted(set(expected) | set(trained))
    fields = [
        f"{key} is {trained.get(key)!r} in training and {expected.get(key)!r} here"
        for key in keys
        if trained.get(key) != expected.get(key)
    ]
    return ["its image specification differs: " + (", ".join(fields) or "the hash does")]
