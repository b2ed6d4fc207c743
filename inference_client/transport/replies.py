"""Whether a reply answers the call it came for: id, model, digest, outputs and their form, rows."""

from inference_client.errors import BadReply
from inference_client.protocol.arrays import check_tensor
from inference_client.protocol.errors import InvalidTensorError
from inference_client.protocol.messages import InferenceResponse, Tensor, TensorMetadata
from inference_client.protocol.rows import row_count
from inference_client.signature import row_shapes_agree
from inference_client.transport.transport import InferenceCall, ModelIdentity


def check_reply(call: InferenceCall, response: InferenceResponse, server: str) -> None:
    """Checks that a response belongs to a call, row by row.

    Raises:
        BadReply: It does not, or contradicts itself.
    """
    complaint = _identity_complaint(call.model, call.request.id, response) or _outputs_complaint(
        call, response
    )
    if complaint:
        message = f"{server} answered request {call.request.id} with {complaint}"
        raise BadReply(message)


def _identity_complaint(model: ModelIdentity, request_id: str, response: InferenceResponse) -> str:
    record = response.parameters
    pairs = (
        ("id", request_id, response.id),
        ("model", model.name, response.model_name),
        ("version", model.version, response.model_version),
        ("sha256", model.sha256, record.model_sha256),
        ("image specification", model.image_spec_hash, record.image_spec_hash),
    )
    for noun, wanted, got in pairs:
        if wanted and wanted != got:
            return f"{noun} {got[:80]!r} instead of {wanted!r}"
    return ""


def _outputs_complaint(call: InferenceCall, response: InferenceResponse) -> str:
    names = [tensor.name for tensor in response.outputs]
    if len(set(names)) != len(names) or not call.outputs.keys() <= set(names):
        return f"outputs {names} instead of {sorted(call.outputs)}"
    try:
        for tensor in response.outputs:
            check_tensor(tensor)
            if row_count(tensor) != call.n_rows:
                return f"{tensor.shape[0]} rows of output {tensor.name!r} for {call.n_rows} rows sent"
            wanted = call.outputs.get(tensor.name)
            if wanted is not None and (complaint := _form_complaint(tensor, wanted)):
                return complaint
    except InvalidTensorError as error:
        return f"a broken tensor: {error}"
    return ""


def _form_complaint(tensor: Tensor, wanted: TensorMetadata) -> str:
    if tensor.datatype == wanted.datatype and row_shapes_agree(tensor.shape[1:], wanted.shape[1:]):
        return ""
    return (
        f"output {tensor.name!r} as {tensor.datatype} with rows {tensor.shape[1:]} "
        f"instead of {wanted.datatype} with rows {wanted.shape[1:]}"
    )
