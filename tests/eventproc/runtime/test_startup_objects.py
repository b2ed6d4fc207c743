"""What the garbage collector looks at while events run."""

import gc

import pytest

from eventproc.errors import LogicError
from eventproc.runtime.startup_objects import startup_objects_left_out


@pytest.fixture(autouse=True)
def nothing_left_out():
    """What the run of all tests leaves out is looked at meanwhile."""
    gc.unfreeze()
    yield
    gc.freeze()


def collected(make):
    """Whether a cycle that is made and let go is found by a collection."""
    gone = []

    class Node:
        def __del__(self):
            gone.append(True)

    node = make(Node)
    del node
    gc.collect()
    return bool(gone)


def cycle(node_class):
    node = node_class()
    node.itself = node
    return node


def test_what_is_there_is_left_out_and_what_comes_is_still_found():
    assert gc.get_freeze_count() == 0
    with startup_objects_left_out():
        assert gc.get_freeze_count() > 10_000
        assert collected(cycle)
    assert gc.get_freeze_count() == 0


def test_everything_is_looked_at_again_after_a_failure():
    def fail():
        with startup_objects_left_out():
            raise LogicError("no")

    with pytest.raises(LogicError):
        fail()
    assert gc.get_freeze_count() == 0


def test_what_somebody_else_has_left_out_stays_left_out():
    gc.freeze()
    with startup_objects_left_out():
        pass
    assert gc.get_freeze_count() > 0
