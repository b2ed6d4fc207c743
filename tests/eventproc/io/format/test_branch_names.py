from eventproc.io.format.branch_names import name_products
from eventproc.model.branch import BranchDescription
from eventproc.model.product import ColumnSchema
from tests.eventproc.io.tracks import NUMBERS, TRACKS, Numbers, branch


def test_columns_are_named_after_the_label_and_counters_after_the_axis():
    (stored,) = name_products([TRACKS])
    assert stored.counters == {"": "ntracks", "hit": "ntracks_hit"}
    assert [c.branch for c in stored.columns] == [
        "tracks_pt",
        "tracks_charge",
        "tracks_finder",
        "tracks_hitCell",
        "tracks_hitTime",
        "tracks_vertexZ",
        "tracks_fitter",
    ]


def test_the_instance_is_part_of_the_name():
    (stored,) = name_products([NUMBERS])
    assert stored.branch_names() == ["nnumbers_odd", "numbers_odd_value"]


def test_what_is_stored_describes_the_branch_completely():
    assert [p.description() for p in name_products([TRACKS, NUMBERS])] == [TRACKS, NUMBERS]


def test_products_of_two_processes_do_not_clash():
    newer, older = branch(Numbers, "x", process="NEW"), branch(Numbers, "x", process="OLD")
    assert [p.columns[0].branch for p in name_products([newer, older])] == ["x_value", "x_OLD_value"]


def test_a_label_that_reads_like_another_label_and_instance_does_not_clash():
    clashing = [branch(Numbers, "a", "b"), branch(Numbers, "a_b"), branch(Numbers, "a_b_GEN")]
    names = [p.branch_names() for p in name_products(clashing)]
    assert len({name for product in names for name in product}) == 6
    assert names[0] == ["na_b", "a_b_value"]


def test_several_types_under_one_label_do_not_clash():
    other = BranchDescription("Others", "x", "", "GEN", Numbers.schema())
    third = BranchDescription("Thirds", "x", "", "GEN", Numbers.schema())
    stored = name_products([branch(Numbers, "x"), other, third])
    assert [p.columns[0].branch for p in stored] == ["x_value", "x_GEN_value", "x_GEN_2_value"]


def test_the_branches_of_the_event_id_are_never_taken():
    odd = BranchDescription("Odd", "luminosity", "", "GEN", (ColumnSchema("x", "int32", "Block"),))
    counts = BranchDescription("Counts", "un", "", "GEN", (ColumnSchema("x", "int32"),))
    for stored in name_products([odd, counts]):
        assert not {"run", "luminosityBlock", "event"} & set(stored.branch_names())


def test_characters_that_no_branch_may_have_are_replaced():
    (stored,) = name_products([branch(Numbers, "x", "a.b-c")])
    assert stored.branch_names() == ["nx_a_b_c", "x_a_b_c_value"]
