"""Whether a request fits the model, before it may share a body with others."""

from difflib import get_close_matches

from inference_client.errors import RequestMismatchError
from inference_client.protocol.arrays import check_tensor, dense_tensor, to_array
from inference_client.protocol.errors import ProtocolError
from inference_client.protocol.messages import InferenceRequest, ModelMetadata, Tensor, TensorMetadata
from inference_client.protocol.rows import request_row_count
from inference_client.signature import row_shapes_agree


def fitted_request(request: InferenceRequest, model: ModelMetadata) -> InferenceRequest:
    """Checks a request against a model's signature and brings its tensors to encodings that it accepts.

    Returns:
        The request, or one with dense tensors in the place of those that the model does not accept.

    Raises:
        RequestMismatchError: The request does not fit; the message names the tensor.
    """
    by_name = {tensor.name: tensor for tensor in model.inputs}
    _check_names(model, "input", [tensor.name for tensor in request.inputs], list(by_name), all_of_them=True)
    if request.outputs:
        offered = [tensor.name for tensor in model.outputs]
        _check_names(model, "output", [output.name for output in request.outputs], offered, all_of_them=False)
    try:
        request_row_count(request)
        for tensor in request.inputs:
            check_tensor(tensor)
            _check_tensor_fits(tensor, by_name[tensor.name], model)
    except ProtocolError as error:
        message = f"request {request.id!r} for model {model.name!r}: {error}"
        raise RequestMismatchError(message) from error
    if all(tensor.encoding in model.parameters.encodings for tensor in request.inputs):
        return request
    return _dense(request, model.parameters.encodings)


def _check_names(
    model: ModelMetadata, kind: str, given: list[str], offered: list[str], all_of_them: bool
) -> None:
    if given == offered:
        return
    if len(set(given)) == len(given) and set(given) <= set(offered):
        if not all_of_them or len(given) == len(offered):
            return
        complaint = f"lacks {kind} {', '.join(repr(name) for name in offered if name not in given)}"
    elif len(set(given)) < len(given):
        complaint = f"names an {kind} twice: {given}"
    else:
        stranger = next(name for name in given if name not in offered)
        near = get_close_matches(stranger, offered, n=1, cutoff=0.0)
        complaint = f"names {kind} {stranger!r}; the model has {', '.join(map(repr, offered))}"
        complaint += f", the nearest is {near[0]!r}" if len(offered) > 1 else ""
    message = f"a request for model {model.name!r} {complaint}"
    raise RequestMismatchError(message)


def _check_tensor_fits(tensor: Tensor, wanted: TensorMetadata, model: ModelMetadata) -> None:
    datatype = "FP32" if tensor.scale is not None else tensor.datatype
    if datatype != wanted.datatype or not row_shapes_agree(tensor.shape[1:], wanted.shape[1:]):
        message = (
            f"input {tensor.name!r} is {datatype} with rows {tensor.shape[1:]}, "
            f"model {model.name!r} wants {wanted.datatype} with rows {wanted.shape[1:]}"
        )
        raise RequestMismatchError(message)


def _dense(request: InferenceRequest, encodings: list[str]) -> InferenceRequest:
    inputs = [
        tensor if tensor.encoding in encodings else dense_tensor(tensor.name, to_array(tensor))
        for tensor in request.inputs
    ]
    return InferenceRequest(
        id=request.id, inputs=inputs, outputs=request.outputs, parameters=request.parameters
    )
