"""Element types of the Open Inference Protocol and their numpy dtypes."""

import numpy as np
from numpy.typing import DTypeLike

from inference_client.protocol.errors import InvalidTensorError

DTYPES: dict[str, np.dtype[np.generic]] = {
    "BOOL": np.dtype("?"),
    "UINT8": np.dtype("u1"),
    "UINT16": np.dtype("<u2"),
    "UINT32": np.dtype("<u4"),
    "UINT64": np.dtype("<u8"),
    "INT8": np.dtype("i1"),
    "INT16": np.dtype("<i2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "FP16": np.dtype("<f2"),
    "FP32": np.dtype("<f4"),
    "FP64": np.dtype("<f8"),
}
"""Element types of the Open Inference Protocol; BYTES and BF16 are not offered."""

_DATATYPES = {dtype: name for name, dtype in DTYPES.items()}


def datatype_of(dtype: DTypeLike) -> str:
    """Name on the wire of a numpy dtype.

    Raises:
        InvalidTensorError: The protocol has no such element type.
    """
    name = _DATATYPES.get(dtype) if isinstance(dtype, np.dtype) else None  # most are as on the wire already
    name = name or _DATATYPES.get(np.dtype(dtype).newbyteorder("<"))
    if name is None:
        message = f"dtype {np.dtype(dtype)} has no datatype on the wire; there are {', '.join(DTYPES)}"
        raise InvalidTensorError(message)
    return name
