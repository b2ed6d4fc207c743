import pytest

from eventproc.errors import ConfigurationError
from eventproc.model.input_tag import InputTag


def test_the_joined_form_and_the_parts_are_the_same_tag():
    assert InputTag("a:b:c") == InputTag("a", "b", "c")
    assert hash(InputTag("a::c")) == hash(InputTag("a", "", "c"))
    assert InputTag("a") != InputTag("a", "b")


@pytest.mark.parametrize("text", ["a", "a:b", "a:b:c", "a::c"])
def test_a_tag_prints_as_it_is_written(text):
    assert str(InputTag(text)) == text


@pytest.mark.parametrize("text", ["", "a:b:c:d", ":b"])
def test_a_tag_without_label_or_with_four_parts_is_refused(text):
    with pytest.raises(ConfigurationError):
        InputTag(text)
