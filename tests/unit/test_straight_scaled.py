"""Whole numbers stand for just the decimals that floats stand for."""

from decimal import ROUND_FLOOR, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agentic_trading.core.money import decimal_of
from agentic_trading.straight.scaled import EXACT, digits_of, units_of, units_within, whole

DIGITS = st.integers(0, 8)
FLOATS = st.floats(0.0, 1e7) | st.builds(
    lambda count, digits: count / 10**digits, st.integers(0, 10**12), st.integers(0, 9)
)


@given(value=FLOATS, digits=DIGITS)
@example(value=0.1, digits=1)
@example(value=0.3 - 1e-17, digits=1)
@example(value=2.675, digits=2)
@example(value=70.88, digits=2)
def test_units_of_a_float_are_those_of_its_decimal(value: float, digits: int) -> None:
    """A float is a whole number of units if, and only if, its shortest decimal is."""
    exact = decimal_of(value).scaleb(digits)
    expected = int(exact) if exact == int(exact) and exact <= 10**15 else -1
    assert units_of(value, 10**digits) == expected


@given(value=FLOATS, digits=DIGITS)
@example(value=0.29, digits=2)
@example(value=1.1, digits=1)
@example(value=8.2 - 1e-15, digits=1)
def test_units_within_a_float_are_those_within_its_decimal(value: float, digits: int) -> None:
    """What is rounded down to whole units is the shortest decimal, not the binary value behind it."""
    exact = decimal_of(value).scaleb(digits)
    expected = int(exact.to_integral_value(ROUND_FLOOR))
    assert units_within(value, 10**digits) == (expected if exact < 10**15 else -1)


@given(count=st.integers(-EXACT + 1, EXACT - 1), digits=st.integers(0, 12))
def test_a_whole_number_of_units_is_its_decimal_as_a_float(count: int, digits: int) -> None:
    """Divided by the units in one, it is the float that is nearest to the decimal."""
    value = Decimal(count).scaleb(-digits)
    assert whole(value, digits) == count
    assert count / 10**digits == float(value)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0, 1e300])
def test_what_is_no_amount_has_no_units(value: float) -> None:
    """Unknown, negative and boundless numbers are refused, not converted."""
    assert units_of(value, 100) == -1
    assert units_within(value, 100) == -1


@pytest.mark.parametrize(
    ("step", "digits"),
    [("1", 0), ("0.01", 2), ("0.00000001", 8), ("0.5", None), ("0.10", None), ("10", None), ("1E+1", None)],
)
def test_only_a_power_of_ten_is_a_unit(step: str, digits: int | None) -> None:
    """Steps that are one unit of their last decimal have that many; no other has any."""
    assert digits_of(Decimal(step)) == digits


def test_a_rest_or_too_much_is_not_whole() -> None:
    """What has more decimals than the units, or more units than a float can count, is None."""
    assert whole(Decimal("0.001"), 2) is None
    assert whole(Decimal(EXACT), 0) is None
