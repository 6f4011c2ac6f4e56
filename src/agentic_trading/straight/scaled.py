"""Exact money as whole numbers of its smallest units, for compiled functions.

A power of ten says how many units make one. A whole number below 2**53 divided by it is the float nearest to
that decimal, so whole numbers and floats can be told from each other without a decimal.
"""

from decimal import Decimal

import numpy as np

from agentic_trading.core.numerics import compiled

EXACT = 2**53
"""Whole numbers below this are floats without a rounding."""
_READ_BACK = 1e15
"""A decimal of so many units, or fewer, is the shortest that reads back as its float."""


@compiled
def units_of(value: float, per_one: int) -> int:
    """How many units a float stands for; -1 if that is no whole number of them, or too many."""
    count = np.rint(value * per_one)
    if not 0.0 <= count <= _READ_BACK or count / per_one != value:
        return -1
    return int(count)


@compiled
def units_within(value: float, per_one: int) -> int:
    """How many whole units the decimal has that a float stands for; -1 if that is negative, or too many."""
    count = np.floor(value * per_one)
    if not 0.0 <= count < _READ_BACK:
        return -1
    if count / per_one > value:
        count -= 1.0
    elif (count + 1.0) / per_one <= value:
        count += 1.0
    return int(count)


def digits_of(step: Decimal) -> int | None:
    """How many decimals a step has that is one unit of its last; None if it is another."""
    sign, digits, exponent = step.as_tuple()
    return -exponent if not sign and digits == (1,) and isinstance(exponent, int) and exponent <= 0 else None


def whole(value: Decimal, digits: int) -> int | None:
    """A decimal in units of so many decimals; None if there is a rest, or it is too much."""
    scaled = value.scaleb(digits)
    count = int(scaled)
    return count if count == scaled and abs(count) < EXACT else None
