"""The messages of the wire as typed values; what may be in a body is what is declared here.

Bodies of requests, responses and errors are strict: an unknown or missing field is refused. Metadata and the
inference record are read tolerantly, since a server of a later release, or a Triton, may say more.
"""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

MAX_TENSORS = 64
MAX_RANK = 8
MAX_NAME_LENGTH = 128
MAX_ERROR_LENGTH = 4096

Name = Annotated[str, Meta(min_length=1, max_length=MAX_NAME_LENGTH)]
Datatype = Annotated[str, Meta(max_length=16)]
RequestId = Annotated[str, Meta(max_length=MAX_NAME_LENGTH)]
Dimension = Annotated[int, Meta(ge=0, le=2**48)]
Shape = Annotated[list[Dimension], Meta(max_length=MAX_RANK)]
Parameter = bool | int | float | str
Parameters = Annotated[dict[Annotated[str, Meta(max_length=MAX_NAME_LENGTH)], Parameter], Meta(max_length=64)]


class Tensor(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One named array in one of three encodings; `arrays` makes, checks and decodes them.

    Plain tensors hold `data`; scaled ones `data` (UINT8) and `scale`; sparse ones `counts`, `index`, `value`
    and `value_datatype`. Any other combination is refused when the tensor is made or decoded.

    Attributes:
        name: Name of the model's input or output.
        datatype: Open Inference Protocol name of the element type: BOOL, UINT8 .. FP64.
        shape: Sizes of the axes; the first axis counts rows.
        data: Elements, little-endian, C order.
        scale: The tensor stands for float32 values `scale * byte`.
        counts: uint32, (n_rows,): number of pairs in each row.
        index: uint16 or uint32, (sum of counts,): flat position within the row.
        value: (sum of counts,): the element at that position; all others are zero.
        value_datatype: Element type of `value`; it fits into `datatype` without loss.
    """

    name: Name
    datatype: Datatype
    shape: Shape
    data: memoryview | None = None
    scale: float | None = None
    counts: memoryview | None = None
    index: memoryview | None = None
    value: memoryview | None = None
    value_datatype: Datatype | None = None

    def __post_init__(self) -> None:
        sparse_fields = (self.counts, self.index, self.value, self.value_datatype)
        if self.data is None:
            consistent = self.scale is None and None not in sparse_fields
        else:
            consistent = sparse_fields == (None, None, None, None)
            consistent = consistent and (self.scale is None or self.datatype == "UINT8")
        if not consistent:
            message = (
                f"tensor {self.name!r} must have data, or UINT8 data and scale, "
                "or counts, index, value and value_datatype"
            )
            raise ValueError(message)

    @property
    def encoding(self) -> str:
        """Which of ENCODINGS this tensor uses."""
        if self.data is None:
            return "sparse"
        return "plain" if self.scale is None else "scaled"


ENCODINGS = ("plain", "scaled", "sparse")


class RequestedOutput(Struct, forbid_unknown_fields=True):
    """Names one output that the sender wants."""

    name: Name


class InferenceRequest(Struct, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """Body of an inference request; model and version are in the path, the deadline in a header.

    Attributes:
        id: Chosen by the sender, echoed by the server, the same in every retry.
        inputs: The model's inputs; all share their first axis.
        outputs: Outputs wanted; empty means all.
        parameters: `priority` and `timeout` (microseconds), as Triton has them.
    """

    id: RequestId
    inputs: Annotated[list[Tensor], Meta(max_length=MAX_TENSORS)]
    outputs: Annotated[list[RequestedOutput], Meta(max_length=MAX_TENSORS)] = []
    parameters: Parameters = {}


class InferenceRecord(Struct, kw_only=True):
    """Who computed a response and how long it took; kept with the result for provenance.

    Attributes:
        server: Name of the server process that answered.
        device: What computed: `cpu`, `cuda:0`, ...
        backend: Name of the server's backend.
        precision: Arithmetic of the backend: f32, bf16, int8, ...
        model_sha256: Digest of the model file.
        image_spec_hash: `specification_hash` of the images the model was trained on; empty if unknown.
        batch_rows: Rows of the batch that these rows were part of, without padding.
        queue_us: Time between acceptance and start of the batch.
        compute_us: Time that the batch took on the device.
    """

    server: str = ""
    device: str = ""
    backend: str = ""
    precision: str = ""
    model_sha256: str = ""
    image_spec_hash: str = ""
    batch_rows: int = 0
    queue_us: int = 0
    compute_us: int = 0


class InferenceResponse(Struct, forbid_unknown_fields=True, kw_only=True):
    """Body of a successful answer; `id` is the request's."""

    id: RequestId
    model_name: Name
    model_version: str
    outputs: Annotated[list[Tensor], Meta(max_length=MAX_TENSORS)]
    parameters: InferenceRecord = field(default_factory=InferenceRecord)


class ErrorBody(Struct, forbid_unknown_fields=True):
    """Body of every refusal: a sentence for people, a stable code for programs, the request's id."""

    error: Annotated[str, Meta(max_length=MAX_ERROR_LENGTH)]
    code: Annotated[str, Meta(max_length=MAX_NAME_LENGTH)] = ""
    id: RequestId = ""


class TensorMetadata(Struct):
    """Name, datatype and shape of an input or output; -1 in the shape is a free axis."""

    name: str
    datatype: str
    shape: list[int]


class ModelParameters(Struct, kw_only=True):
    """What our servers announce beside a model's signature; a plain Triton leaves the defaults.

    Attributes:
        encodings: Tensor encodings that the model's inputs accept.
        max_rows: Most rows in one request; 0 if the server does not say.
        sha256: Digest of the model file, hex.
        image_spec: The image specification the model was trained on; opaque to the server.
        image_spec_hash: `specification_hash(image_spec)`; empty if there is none.
        precision: Arithmetic of the backend.
        reproducible: A row's result has the same bits whatever the load and its neighbours.
        labels: Names of the classes along the last axis of the output.
    """

    encodings: list[str] = field(default_factory=lambda: ["plain"])
    max_rows: int = 0
    sha256: str = ""
    image_spec: dict[str, Any] = {}
    image_spec_hash: str = ""
    precision: str = ""
    reproducible: bool = False
    labels: list[str] = []


class ModelMetadata(Struct, kw_only=True):
    """Signature of a model, as GET /v2/models/{m} gives it."""

    name: str
    versions: list[str] = []
    platform: str = ""
    inputs: list[TensorMetadata] = []
    outputs: list[TensorMetadata] = []
    parameters: ModelParameters = field(default_factory=ModelParameters)


class ServerMetadata(Struct, kw_only=True):
    """Answer of GET /v2; our dialect is spoken if `extensions` holds all of EXTENSIONS."""

    name: str
    version: str = ""
    extensions: list[str] = []

    @property
    def speaks_our_dialect(self) -> bool:
        """Whether digest, record and request id may be demanded of this server."""
        return set(EXTENSIONS) <= set(self.extensions)


EXTENSIONS = ("msgpack", "sparse", "scaled", "record", "crc32")
