"""Laws of money and of the arithmetic of a position, against fractions."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.accounting import apply_trade
from agentic_trading.core.money import (
    decimal_of,
    exact,
    fee_up,
    payment_down,
    price_nearest,
    price_to_tick,
    quantity_down,
    share_of,
)

pytestmark = pytest.mark.property

EIGHTH = Fraction(1, 10**8)
prices = st.integers(1, 10**8).map(lambda cents: Decimal(cents).scaleb(-2))
quantities = st.integers(-(10**7), 10**7).filter(bool).map(lambda lots: Decimal(lots).scaleb(-5))


def _trades(wanted: list[tuple[Decimal | None, Decimal]]) -> list[tuple[Decimal, Decimal]]:
    """Signed quantities and prices; None closes what is held."""
    held, made = Decimal(0), list[tuple[Decimal, Decimal]]()
    for quantity, price in wanted:
        traded = -held if quantity is None else quantity
        if traded:
            made.append((traded, price))
            held += traded
    return made


trades = st.lists(st.tuples(st.none() | quantities, prices), min_size=1, max_size=12).map(_trades)
amounts = st.decimals(-(10**9), 10**9, places=14)
steps = st.sampled_from(["0.01", "0.10", "0.25", "1", "0.00001", "5", "10", "1E+1"]).map(Decimal)


@given(amounts, steps)
def test_roundings_land_on_the_grid_on_the_named_side(value: Decimal, step: Decimal) -> None:
    """Each rounding gives the multiple of the step that its name says, less than a step away."""
    exact_value, unit = Fraction(value), Fraction(step)
    up, down = price_to_tick(value, step, up=True), price_to_tick(value, step, up=False)
    assert 0 <= Fraction(up) - exact_value < unit
    assert 0 <= exact_value - Fraction(down) < unit
    assert abs(Fraction(price_nearest(value, step)) - exact_value) <= unit / 2
    toward_zero = Fraction(quantity_down(value, step))
    assert 0 <= abs(exact_value) - abs(toward_zero) < unit
    assert toward_zero * exact_value >= 0
    rounded = (up, down, price_nearest(value, step), quantity_down(value, step))
    assert all(Fraction(each) % unit == 0 for each in rounded)


@given(
    st.integers(-(10**6), 10**6),
    st.integers(-8, 3),
    st.sampled_from(["0.01", "1", "1E-8", "1E+1"]).map(Decimal),
)
def test_a_multiple_has_its_own_digits_but_no_more_than_the_step(
    count: int, power: int, step: Decimal
) -> None:
    """What lies on the grid stays there; digits beyond those of the step, which are zeros, are dropped."""
    value = Decimal(count).scaleb(power)
    if Fraction(value) % Fraction(step):
        return
    for kept in (price_to_tick(value, step, up=True), price_nearest(value, step), quantity_down(value, step)):
        assert kept == value
        assert _exponent(kept) == max(_exponent(value), _exponent(step))


def _exponent(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)
    return exponent


@given(amounts, st.integers(-1000, 1000))
def test_the_last_decimal_counts_against_us(amount: Decimal, rate_bps: int) -> None:
    """A fee is never below its exact value and a payment never above, by less than 1e-8."""
    rate = Decimal(rate_bps).scaleb(-4)
    assert 0 <= Fraction(fee_up(amount, rate)) - Fraction(amount) * Fraction(rate) < EIGHTH
    assert 0 <= Fraction(amount) - Fraction(payment_down(amount)) < EIGHTH


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_survive_the_crossing(value: float) -> None:
    """Every finite float reads back from its decimal, bit for bit."""
    assert float(decimal_of(value)) == value


@given(amounts, st.integers(1, 10**6), st.integers(1, 10**6))
def test_share_and_rest_sum_to_the_total(total: Decimal, part: int, more: int) -> None:
    """A share is within half of 1e-8 of its exact value, and with the rest makes the total exactly."""
    share = share_of(total, Decimal(part), Decimal(part + more))
    assert abs(Fraction(share) - Fraction(total) * part / (part + more)) <= EIGHTH / 2
    with exact():
        assert share + (total - share) == total


@given(trades)
def test_realised_less_cost_moves_by_the_cash_of_the_trade(sequence: list[tuple[Decimal, Decimal]]) -> None:
    """Whatever the averaging: realised - cost moves by exactly -traded * price, the quantity by traded."""
    quantity = cost = Decimal(0)
    with exact():
        for traded, price in sequence:
            before, paid = Fraction(quantity), Fraction(cost)
            quantity, cost, realised = apply_trade(quantity, cost, traded, price)
            assert Fraction(realised) - (Fraction(cost) - paid) == -Fraction(traded) * Fraction(price)
            assert Fraction(quantity) == before + Fraction(traded)
            if not quantity:
                assert cost == 0


@given(trades)
def test_realised_profit_is_that_of_average_cost(sequence: list[tuple[Decimal, Decimal]]) -> None:
    """Cost and profit are those of exact average-cost accounting in fractions, within the rounded shares."""
    quantity = cost = Decimal(0)
    held = value = Fraction(0)
    for step, (traded, price) in enumerate(sequence, start=1):
        quantity, cost, realised = apply_trade(quantity, cost, traded, price)
        change, paid = Fraction(traded), Fraction(price)
        profit = Fraction(0)
        if held * change >= 0:
            value += change * paid
        else:
            closed = change if abs(change) <= abs(held) else -held
            profit = -closed * (paid - value / held)
            value = value * (held + closed) / held + (change - closed) * paid
        held += change
        assert abs(Fraction(cost) - value) <= step * EIGHTH
        assert abs(Fraction(realised) - profit) <= step * EIGHTH


@given(trades, quantities, prices, st.integers(2, 6))
def test_splitting_a_fill_changes_nothing_in_total(
    before: list[tuple[Decimal, Decimal]], traded: Decimal, price: Decimal, parts: int
) -> None:
    """One fill or several of one price: same quantity and realised - cost, profit within the roundings."""
    quantity = cost = Decimal(0)
    for each in before:
        quantity, cost, _ = apply_trade(quantity, cost, *each)
    whole, whole_cost, whole_profit = apply_trade(quantity, cost, traded, price)
    piece = quantity_down(traded / parts, Decimal("0.00001"))
    pieces = [piece] * (parts - 1) + [traded - piece * (parts - 1)]
    realised = Decimal(0)
    for each_piece in pieces:
        quantity, cost, profit = apply_trade(quantity, cost, each_piece, price)
        realised += profit
    assert quantity == whole
    assert Fraction(realised) - Fraction(cost) == Fraction(whole_profit) - Fraction(whole_cost)
    assert abs(Fraction(realised) - Fraction(whole_profit)) <= parts * EIGHTH
    if not quantity:
        assert realised == whole_profit
