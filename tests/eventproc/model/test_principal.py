import pytest

from eventproc.errors import LogicError, ProductNotFound
from eventproc.model.event import Event
from eventproc.model.event_id import EventID, LuminosityBlockID
from eventproc.model.input_tag import InputTag
from eventproc.model.principal import LuminosityBlock, Run
from eventproc.model.token import Token
from eventproc.model.transition import BranchType, Transition
from tests.eventproc.runtime.modules import Number, number


def token(slot, branch_type):
    made = Token(Number, InputTag("m"), branch_type)
    made.slot = slot
    return made


@pytest.fixture
def lumi():
    return LuminosityBlock(LuminosityBlockID(3, 7), Run(3, 2), 2)


def test_a_luminosity_block_knows_its_numbers_and_its_run(lumi):
    assert (lumi.run, lumi.luminosityBlock, lumi.of_run.run) == (3, 7, 3)
    assert f"{lumi.of_run}, {lumi}" == "3, run: 3 luminosityBlock: 7"


def test_products_are_where_they_were_put(lumi):
    in_lumi, in_run = token(0, BranchType.InLumi), token(1, BranchType.InRun)
    lumi.put(in_lumi, number(1))
    lumi.of_run.put(in_run, number(2))
    event = Event(EventID(3, 7, 1), 0, 0, 2, lumi=lumi)
    assert event.lumi.get(in_lumi).value[0] == 1
    assert event.lumi.of_run.get(in_run).value[0] == 2
    with pytest.raises(ProductNotFound, match=r"ask event\.lumi$"):
        event.get(in_lumi)
    with pytest.raises(ProductNotFound, match=r"ask event\.lumi\.of_run$"):
        event.get(in_run)


def test_a_product_is_put_once_and_looked_for_in_vain_before(lumi):
    in_lumi = token(0, BranchType.InLumi)
    with pytest.raises(ProductNotFound, match="luminosity block 3:7: no product Number named 'm'"):
        lumi.get(in_lumi)
    lumi.put(in_lumi, number(1))
    with pytest.raises(LogicError, match="put twice"):
        lumi.put(in_lumi, number(1))
    with pytest.raises(ProductNotFound, match="run 3: no product"):
        lumi.of_run.get(token(0, BranchType.InRun))


def test_an_event_of_a_job_without_luminosity_blocks_has_none():
    with pytest.raises(ProductNotFound, match="no module consumes or makes"):
        _ = Event(EventID(1, 1, 1), 0, 0, 0).lumi


def test_transitions_belong_to_runs_luminosity_blocks_and_events():
    assert [transition.branch_type for transition in Transition] == [
        BranchType.InEvent, BranchType.InLumi, BranchType.InLumi, BranchType.InRun, BranchType.InRun,
    ]  # fmt: skip
