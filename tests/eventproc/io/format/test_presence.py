import numpy as np

from eventproc.io.format.presence import Presence


def gathered(*parts):
    presence = Presence()
    for part in parts:
        presence.add(np.array(part, np.bool_))
    return presence.all_entries()


def test_what_every_entry_has_needs_no_telling():
    assert gathered() is None
    assert gathered([], [True] * 3, [True]) is None


def test_entries_without_the_product_keep_their_places():
    assert gathered([True, True], [], [False, True], [True], [True, False]).tolist() == [
        True, True, False, True, True, True, False,
    ]  # fmt: skip
