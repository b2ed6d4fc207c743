"""Whether a list in JSON is flat, or a list of equal lists, and so on, told without making any of them."""

from inference_client.protocol.messages import MAX_RANK


def is_regular(brackets: bytes) -> bool:
    """Whether all lists of one depth have the same length, and hold lists only or none.

    Args:
        brackets: What is left of a valid list in JSON without its elements and spaces.
    """
    depth = len(brackets) - len(brackets.lstrip(b"["))
    if not 0 < depth <= MAX_RANK or brackets.translate(None, b"[,]"):
        return False
    one = b""  # list of the depth above, and at first an element
    for level in range(1, depth + 1):
        # The first list of this depth ends where so many brackets are closed for the first time.
        length = brackets.find(b"]" * level) + level - (depth - level)
        n = (length - 1) // (len(one) + 1)
        one = b"[" + ((one + b",") * n)[:-1] + b"]"
    return one == brackets
