import pytest

from eventproc.errors import ConfigurationError
from eventproc.io.writing.keep_drop import KeepDrop
from eventproc.model.branch import BranchDescription

JETS = BranchDescription("Jets", "ecalJets", "", "TOPTAG", ())
CLEAN_JETS = BranchDescription("Jets", "ecalJets", "clean", "TOPTAG", ())
HITS = BranchDescription("EcalRecHits", "ecalRecHits", "", "RECO", ())
EVERYTHING = (JETS, CLEAN_JETS, HITS)


def kept(*commands):
    selection = KeepDrop(commands)
    return [branch for branch in EVERYTHING if selection.keeps(branch)]


def test_nothing_said_keeps_everything():
    assert kept() == list(EVERYTHING)


def test_drop_everything_drops_everything():
    assert kept("drop *") == []


def test_keep_everything_may_be_said():
    assert kept("keep *") == list(EVERYTHING)
    assert kept("keep *_*_*_*") == list(EVERYTHING)


def test_a_branch_of_which_no_command_speaks_is_kept_if_the_first_one_drops():
    assert kept("drop EcalRecHits_*_*_*") == [JETS, CLEAN_JETS]


def test_a_branch_of_which_no_command_speaks_is_dropped_if_the_first_one_keeps():
    assert kept("keep Jets_*_*_*") == [JETS, CLEAN_JETS]
    assert kept("keep Jets_*_*_*", "drop *_*_clean_*") == [JETS]


def test_the_last_command_that_matches_decides():
    assert kept("drop *", "keep Jets_*_*_*", "drop *_*_clean_*") == [JETS]
    assert kept("drop *_*_clean_*", "drop *", "keep Jets_*_*_*") == [JETS, CLEAN_JETS]


def test_each_field_can_select():
    assert kept("drop *", "keep EcalRecHits_*_*_*") == [HITS]
    assert kept("drop *", "keep *_ecalJets_*_*") == [JETS, CLEAN_JETS]
    assert kept("drop *", "keep *_*_clean_*") == [CLEAN_JETS]
    assert kept("drop *", "keep *_*_*_RECO") == [HITS]


def test_an_empty_field_is_the_empty_instance():
    assert kept("drop *", "keep Jets_ecalJets__TOPTAG") == [JETS]


def test_wildcards_stand_for_parts_of_a_field():
    assert kept("drop *", "keep *_ecalJet?_*_*") == [JETS, CLEAN_JETS]
    assert kept("drop *", "keep *_ecal*s_*_R*") == [HITS]


def test_a_wildcard_does_not_reach_into_the_next_field():
    assert kept("drop *", "keep Jets*clean_*_*_*") == []


def test_a_name_without_wildcards_must_match_as_a_whole_and_in_case():
    assert kept("drop *", "keep Jet_*_*_*", "keep *_ecaljets_*_*") == []


def test_white_space_around_a_command_does_not_matter():
    assert kept("  drop   * ") == []


@pytest.mark.parametrize(
    "command", ["", "keep", "drop *_*", "keep a_b_c_d_e", "remove *", "keep * *", "Keep *", "*"]
)
def test_a_command_that_is_none_is_refused_with_an_example(command):
    with pytest.raises(ConfigurationError, match="type_label_instance_process") as refused:
        KeepDrop([command])
    assert repr(command) in str(refused.value)
