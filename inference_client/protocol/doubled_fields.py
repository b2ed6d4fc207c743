"""Finds a map key that occurs twice in a msgpack body, of which msgspec would take the last one.

Two programs that read a doubled field differently disagree on what was asked; so it is refused. Only the
headers are visited, never the tensor bytes: some microseconds for a request.
"""

from inference_client.protocol.errors import MalformedBodyError

# Sizes and kinds by leading byte: https://github.com/msgpack/msgpack/blob/master/spec.md#formats
_SCALAR_SIZES = {
    0xC0: 1, 0xC2: 1, 0xC3: 1,
    0xCA: 5, 0xCB: 9,
    0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9,
    0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9,
}  # fmt: skip
_BYTES_LENGTH_SIZES = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
_ARRAY_LENGTH_SIZES = {0xDC: 2, 0xDD: 4}
_MAP_LENGTH_SIZES = {0xDE: 2, 0xDF: 4}


def _whole_size(tag: int) -> int:
    """Bytes of a value whose leading byte alone says how many; 0 for others."""
    if tag < 0x80 or tag >= 0xE0:
        return 1
    if 0xA0 <= tag < 0xC0:
        return 1 + (tag & 0x1F)
    return _SCALAR_SIZES.get(tag, 0)


_WHOLE_SIZES = bytes(_whole_size(tag) for tag in range(256))
_LENGTH_SIZES = bytes(_BYTES_LENGTH_SIZES.get(tag, 0) for tag in range(256))


def refuse_doubled_fields(body: bytes | memoryview) -> None:
    """Checks that no map of a body holds a key twice.

    Args:
        body: msgpack that msgspec has decoded without complaint, so it is complete.

    Raises:
        MalformedBodyError: A key occurs twice, or maps are nested too deeply to tell.
    """
    try:
        _end_of_value(body, 0)
    except RecursionError as error:
        message = "nested too deeply"
        raise MalformedBodyError(message) from error


def _end_of_value(body: bytes | memoryview, at: int) -> int:
    tag = body[at]
    if size := _WHOLE_SIZES[tag]:
        return at + size
    if tag < 0x90:
        return _end_of_map(body, at + 1, tag & 0x0F)
    if tag < 0xA0:
        return _end_of_array(body, at + 1, tag & 0x0F)
    if size := _LENGTH_SIZES[tag]:
        start = at + 1 + size
        return start + int.from_bytes(body[at + 1 : start], "big")
    for sizes, end in _LONG_FORMS:
        if tag in sizes:
            start = at + 1 + sizes[tag]
            return end(body, start, int.from_bytes(body[at + 1 : start], "big"))
    message = f"msgpack type 0x{tag:02x} is not used by this protocol"
    raise MalformedBodyError(message)


def _end_of_array(body: bytes | memoryview, at: int, length: int) -> int:
    for _ in range(length):
        at += _WHOLE_SIZES[body[at]] or _end_of_value(body, at) - at
    return at


def _end_of_map(body: bytes | memoryview, at: int, length: int) -> int:
    seen = set()
    for _ in range(length):
        key_end = at + (_WHOLE_SIZES[body[at]] or _end_of_value(body, at) - at)
        seen.add(bytes(body[at:key_end]))
        at = key_end + (_WHOLE_SIZES[body[key_end]] or _end_of_value(body, key_end) - key_end)
    if len(seen) != length:
        message = "a field occurs twice"
        raise MalformedBodyError(message)
    return at


_LONG_FORMS = ((_ARRAY_LENGTH_SIZES, _end_of_array), (_MAP_LENGTH_SIZES, _end_of_map))
