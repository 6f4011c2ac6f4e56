"""Exact money: every rounding goes the way its name says, and losing a digit raises."""

from decimal import Decimal, DivisionByZero, Inexact, InvalidOperation, getcontext
from typing import Any

import pytest

from agentic_trading.core.money import (
    average,
    decimal_of,
    exact,
    fee_up,
    payment_down,
    price_nearest,
    price_to_tick,
    quantity_down,
    share_of,
)

TICK = Decimal("0.05")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1e-07, "1E-7"), (1e22, "1E+22"), (-2.5, "-2.5"), (0.1 + 0.2, "0.30000000000000004")],
)
def test_floats_cross_as_they_are_written(value: float, text: str) -> None:
    """A float becomes the shortest decimal that reads back as it, not its binary tail."""
    assert str(decimal_of(value)) == text
    assert float(decimal_of(value)) == value


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_what_is_no_amount_does_not_cross(value: float) -> None:
    """NaN and infinities are refused by name."""
    with pytest.raises(ValueError, match="is not an amount"):
        decimal_of(value)


@pytest.mark.parametrize(
    ("value", "expected"), [("1.2399", "1.23"), ("-1.2399", "-1.23"), ("1.23", "1.23"), (0.3, "0.3")]
)
def test_quantities_go_toward_zero(value: Any, expected: str) -> None:
    """Sizing never rounds up, on either side of zero, and leaves whole lots alone."""
    amount = Decimal(value) if isinstance(value, str) else value
    assert quantity_down(amount, Decimal("0.01")) == Decimal(expected)


@pytest.mark.parametrize(
    ("value", "up", "down", "nearest"),
    [
        ("100.01", "100.05", "100.00", "100.00"),
        ("100.05", "100.05", "100.05", "100.05"),
        ("100.025", "100.05", "100.00", "100.00"),  # a tie: tick 2000 is even
        ("100.075", "100.10", "100.05", "100.10"),  # a tie: tick 2002 is even
        ("-0.01", "0.00", "-0.05", "0.00"),
    ],
)
def test_prices_go_where_the_caller_says(value: str, up: str, down: str, nearest: str) -> None:
    """Up is the tick above, down the tick below, nearest the closer one and the even one in a tie."""
    price = Decimal(value)
    assert price_to_tick(price, TICK, up=True) == Decimal(up)
    assert price_to_tick(price, TICK, up=False) == Decimal(down)
    assert price_nearest(price, TICK) == Decimal(nearest)


def test_fees_go_up_and_payments_down() -> None:
    """The ninth decimal always counts against us: a fee, a rebate, a payment either way."""
    assert fee_up(Decimal("1.000000001"), Decimal("0.01")) == Decimal("0.01000001")
    assert fee_up(Decimal("1.000000001"), Decimal("-0.01")) == Decimal("-0.01000000")
    assert payment_down(Decimal("0.010000009")) == Decimal("0.01000000")
    assert payment_down(Decimal("-0.010000001")) == Decimal("-0.01000001")


@pytest.mark.parametrize(
    ("payment", "written"),
    [
        ("2.951334", "2.951334"), ("2.950", "2.950"), ("5", "5"), ("-7E+3", "-7E+3"), ("0.0", "0.0"),
        ("2.9513340000", "2.95133400"), ("0E-12", "0E-8"), ("1.234567891", "1.23456789"),
    ],
)  # fmt: skip
def test_eight_decimals_at_most(payment: str, written: str) -> None:
    """What is finer than eight decimals is written with eight, and what is coarser as it was."""
    assert str(payment_down(Decimal(payment))) == written


def test_shares_are_half_even_and_whole_shares_whole() -> None:
    """A share has eight decimals, ties to even; all of it is all of it, digits beyond the eighth included."""
    third = share_of(Decimal(10), Decimal(1), Decimal(3))
    assert third == Decimal("3.33333333")
    assert share_of(Decimal("0.00000001"), Decimal(1), Decimal(2)) == 0
    assert share_of(Decimal("0.00000003"), Decimal(1), Decimal(2)) == Decimal("0.00000002")
    assert share_of(Decimal(-10), Decimal(1), Decimal(3)) == -third
    assert share_of(Decimal("1.0000000000001"), Decimal(7), Decimal(7)) == Decimal("1.0000000000001")


def test_average_is_for_reading() -> None:
    """Twelve decimals, half even, and nothing bought has no average."""
    assert average(Decimal(2), Decimal(3)) == Decimal("0.666666666667")
    assert average(Decimal(2), Decimal(0)) == 0


def test_an_inexact_operation_raises() -> None:
    """Inside exact() nothing is rounded in silence: a division that does not end is an error."""
    with exact():
        assert Decimal(1) / 8 == Decimal("0.125")
        with pytest.raises(Inexact):
            Decimal(1) / Decimal(3)
        with pytest.raises(Inexact):
            Decimal("1e60") + Decimal("0.1")
        with pytest.raises(DivisionByZero):
            Decimal(1) / Decimal(0)
        with pytest.raises(InvalidOperation):
            Decimal("NaN").compare_signal(Decimal(1))


def test_exact_gives_the_context_back() -> None:
    """After the block, also after an error in it, the caller's own context holds again."""
    outer = getcontext()
    with pytest.raises(Inexact), exact():
        Decimal(1) / Decimal(3)
    assert getcontext() is outer
    assert Decimal(1) / Decimal(3) < Decimal("0.34")


def test_roundings_do_not_need_the_trapping_context() -> None:
    """The named roundings give the same inside and outside of exact()."""
    with exact():
        inside = share_of(Decimal(1), Decimal(1), Decimal(7)), fee_up(Decimal(1), Decimal("0.000333333333"))
    assert inside == (
        share_of(Decimal(1), Decimal(1), Decimal(7)),
        fee_up(Decimal(1), Decimal("0.000333333333")),
    )
