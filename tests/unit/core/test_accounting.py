"""What a trade does to a position: average cost, realised profit, flips."""

from decimal import Decimal

import pytest

from agentic_trading.core.accounting import apply_trade


def applied(*trades: tuple[str, str]) -> tuple[Decimal, Decimal, Decimal]:
    """Quantity and cost after trades of (signed quantity, price), and the profit of all of them."""
    quantity = cost = realised = Decimal(0)
    for traded, price in trades:
        quantity, cost, profit = apply_trade(quantity, cost, Decimal(traded), Decimal(price))
        realised += profit
    return quantity, cost, realised


@pytest.mark.parametrize(
    ("trades", "quantity", "cost", "realised"),
    [
        ([("2", "100")], "2", "200", "0"),
        ([("2", "100"), ("1", "130")], "3", "330", "0"),  # average 110
        ([("2", "100"), ("1", "130"), ("-1", "120")], "2", "220", "10"),
        ([("2", "100"), ("-2", "90")], "0", "0", "-20"),
        ([("-2", "100")], "-2", "-200", "0"),
        ([("-2", "100"), ("1", "90")], "-1", "-100", "10"),
        ([("-2", "100"), ("2", "105")], "0", "0", "-10"),
        ([("2", "100"), ("-3", "110")], "-1", "-110", "20"),  # through zero: closed at 110, opened at 110
        ([("-2", "100"), ("5", "90")], "3", "270", "20"),
    ],
)
def test_average_cost(trades: list[tuple[str, str]], quantity: str, cost: str, realised: str) -> None:
    """Adding keeps the average, reducing realises against it, a flip closes all and opens the rest."""
    assert applied(*trades) == (Decimal(quantity), Decimal(cost), Decimal(realised))


def test_the_remainder_of_a_share_stays_with_the_rest() -> None:
    """Three closes of a third each release 3.33333333 twice and what is left, 3.33333334, at the end."""
    quantity, cost, profits = Decimal(3), Decimal(10), []
    for _ in range(3):
        quantity, cost, profit = apply_trade(quantity, cost, Decimal(-1), Decimal(0))
        profits.append(profit)
    assert profits == [Decimal("-3.33333333"), Decimal("-3.33333334"), Decimal("-3.33333333")]
    assert (quantity, cost) == (0, 0)


def test_a_trade_of_nothing_changes_nothing() -> None:
    """Zero traded leaves a long, a short and a flat position as they are."""
    for quantity, cost in ((2, 200), (-2, -200), (0, 0)):
        unchanged = (Decimal(quantity), Decimal(cost), Decimal(0))
        assert apply_trade(Decimal(quantity), Decimal(cost), Decimal(0), Decimal(100)) == unchanged
