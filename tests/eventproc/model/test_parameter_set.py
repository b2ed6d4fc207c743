import pytest

from eventproc.model.parameter_set import parameter_set_id

VALUES = {"a": 1, "p": {"x": 1, "y": {"z": 2}}, "v": [{"x": 1}, {"x": 2}]}


def changed(**values):
    return VALUES | values


@pytest.mark.parametrize(
    ("untracked", "same"),
    [
        ("a", changed(a=5)),
        ("p", changed(p=0)),
        ("p.x", changed(p={"x": 5, "y": {"z": 2}})),
        ("p.y.z", changed(p={"x": 1, "y": {"z": 5}})),
        ("v.0.x", changed(v=[{"x": 5}, {"x": 2}])),
        ("v.*.x", changed(v=[{"x": 5}, {"x": 5}])),
    ],
)
def test_what_is_untracked_does_not_count_however_deep(untracked, same):
    assert parameter_set_id(VALUES, [untracked]) == parameter_set_id(same, [untracked])
    assert parameter_set_id(VALUES) != parameter_set_id(same)


def test_what_stands_beside_it_counts():
    other = changed(v=[{"x": 1}, {"x": 5}])
    assert parameter_set_id(VALUES, ["v.0.x"]) != parameter_set_id(other, ["v.0.x"])
    assert parameter_set_id(VALUES, ["p.x"]) != parameter_set_id(changed(p={"x": 1, "y": {}}), ["p.x"])
    assert parameter_set_id(VALUES, ["b", "a.b", "v.7.x"]) == parameter_set_id(VALUES)
