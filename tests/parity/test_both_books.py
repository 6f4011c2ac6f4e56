"""In random whole runs the venue and our ledger have the same money, also where fees cost a third asset."""

from decimal import Decimal

import msgspec
import pytest

from agentic_trading.core.events import Fill
from agentic_trading.core.money import exact
from random_runs import Case, Outcome, random_case

pytestmark = pytest.mark.property
SEEDS = (*range(12), 2051)
"""In the last one funding is settled while the fill of its position is still on the way to us."""
STOCK = Decimal("0.05")


def paying_in_bnb(case: Case) -> Case:
    """The case with enough of a third asset for some of its fees."""
    stock = {"fee_asset": "BNB", "fee_asset_price": 500.0, "fee_asset_quantity": STOCK}
    simulation = case.options["simulation"] | stock
    return msgspec.structs.replace(case, options=case.options | {"simulation": simulation})


def both_ways(case: Case) -> tuple[Outcome, Outcome]:
    with case.loaded() as (inputs, chosen):
        return case.run(inputs, chosen, "auto"), case.run(inputs, chosen, "every")


@pytest.mark.parametrize("seed", SEEDS)
def test_books_agree_whatever_fees_are_paid_in(seed: int) -> None:
    """Same money in both books however it was stepped; the stock falls by its fees and never below zero."""
    plain = random_case(seed)
    for case in (plain, paying_in_bnb(plain)):
        auto, every = both_ways(case)
        assert (auto.fingerprint, auto.equity) == (every.fingerprint, every.equity)
        assert auto.disagreements == every.disagreements == []
    fills = [event for event in auto.events if isinstance(event, Fill)]
    with exact():
        spent = sum((fill.fee for fill in fills if fill.fee_asset == "BNB"), Decimal(0))
        assert auto.books.ledger.balance("BNB") == STOCK - spent >= 0


def test_the_stock_runs_out_in_some_of_these_runs() -> None:
    """The seeds are ones in which the law can fail: fees are paid in both assets, in one run too."""
    paid = []
    for seed in SEEDS:
        case = paying_in_bnb(random_case(seed))
        with case.loaded() as (inputs, chosen):
            events = case.run(inputs, chosen, "auto").events
        paid.append({event.fee_asset for event in events if isinstance(event, Fill) and event.fee})
    assert {"BNB", "USDT"} in paid
    assert {"BNB"} in paid
