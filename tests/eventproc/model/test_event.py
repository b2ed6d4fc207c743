import numpy as np
import pytest

from eventproc.errors import LogicError, ProductNotFound
from eventproc.model.event import Event
from eventproc.model.event_id import EventID
from eventproc.model.input_tag import InputTag
from eventproc.model.token import Token
from tests.eventproc.runtime.modules import Number, Numbers, number


def token(kind, slot):
    made = Token(kind, InputTag("label"))
    made.slot = slot
    return made


def event(read=lambda slot: None):
    return Event(EventID(1, 2, 3), 0, 0, 2, read)


def test_what_is_put_is_got():
    e, t = event(), token(Number, 0)
    assert not e.has(t)
    e.put(t, number(5))
    assert e.has(t)
    assert e.get(t).value[0] == 5


def test_a_product_of_the_file_is_read_once_and_only_when_asked_for():
    reads = []

    def read(slot):
        reads.append(slot)
        return number(7)

    e = event(read)
    assert reads == []
    assert e.get(token(Number, 1)).value[0] == e.get(token(Number, 1)).value[0] == 7
    assert reads == [1]


def test_a_missing_product_names_event_type_and_label():
    with pytest.raises(ProductNotFound, match=r"run: 1 lumi: 2 event: 3.*Number named 'label'"):
        event().get(token(Number, 0))
    with pytest.raises(ProductNotFound):
        event().get(token(Number, -1))


def test_a_product_is_put_once():
    e, t = event(), token(Number, 0)
    e.put(t, number(5))
    with pytest.raises(LogicError, match="put twice"):
        e.put(t, number(5))


def test_a_product_of_another_type_is_refused():
    with pytest.raises(LogicError, match="put Number under a token for Numbers"):
        event().put(token(Numbers, 0), number(5))


@pytest.mark.parametrize(
    "value",
    [np.zeros(2, np.float32), np.zeros((2, 2), np.int64), [1, 2], np.zeros(2, np.int32)],
    ids=["wrong dtype", "two-dimensional", "a list", "narrower"],
)
def test_a_column_that_the_file_could_not_store_is_refused_when_put(value):
    with pytest.raises(LogicError, match=r"Numbers.value is"):
        event().put(token(Numbers, 0), Numbers(value))


def test_one_value_per_event_means_one():
    with pytest.raises(LogicError, match="has 2 rows but one value per event has 1"):
        event().put(token(Number, 0), Number(np.zeros(2, np.int64)))
