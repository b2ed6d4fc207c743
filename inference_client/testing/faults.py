"""What a fake server can do wrong, one name for each."""

from enum import Enum, auto


class Fault(Enum):
    """A way to answer one inference request badly."""

    RESET = auto()
    HANG = auto()
    BUSY = auto()
    SLOW_DOWN = auto()
    BAD_GATEWAY = auto()
    MODEL_GONE = auto()
    BACKEND_FAILED = auto()
    BAD_TOKEN = auto()
    REDIRECT = auto()
    GARBAGE = auto()
    NO_LENGTH = auto()
    NO_DIGEST = auto()
    PACKED = auto()
    TRUNCATED = auto()
    FLIPPED_BIT = auto()
    OTHER_ID = auto()
    OTHER_MODEL = auto()
    OTHER_SHA256 = auto()
    ROW_MISSING = auto()
    OUTPUT_MISSING = auto()
