"""Exact money: one decimal context in which losing a digit is an error, and every rounding by name.

Quantities, prices and cash are `Decimal`. Inside ``exact()`` (the event bus enters it for every
cascade) an inexact operation raises instead of rounding; division therefore never happens outside
the functions of this module. Market data and features are float64 and cross here, once.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_EVEN,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
    getcontext,
    setcontext,
)

EXACT = Context(prec=60, traps=[Inexact, InvalidOperation, DivisionByZero, Overflow])
"""Sixty digits and no silent rounding: products and sums of money are exact or raise."""

_ROUNDING = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Overflow])
_product = EXACT.multiply

ZERO = Decimal(0)
ONE = Decimal(1)
CENT_OF_ASSET = Decimal("0.00000001")
"""Finest unit in which venues keep balances (eight decimals)."""
_TWELVE_DIGITS = Decimal("0.000000000001")
_POWERS_OF_TEN = frozenset(str(ONE.scaleb(-digits)) for digits in range(19))
"""As text: that tells 0.01 from 0.010, whose multiples have more digits."""


@contextmanager
def exact() -> Iterator[None]:
    """Run a block in the trapping context and restore the caller's context after it."""
    outer = getcontext()
    setcontext(EXACT)
    try:
        yield
    finally:
        setcontext(outer)


def decimal_of(value: float) -> Decimal:
    """The shortest decimal that reads back as this float (what a person would write).

    Raises ValueError for NaN and infinities: they are never money.
    """
    text = repr(value if type(value) is float else float(value))
    if "n" in text:
        raise ValueError(f"{text} is not an amount")
    return Decimal(text)


def _on_grid(value: Decimal, step: Decimal, rounding: str) -> Decimal:
    if step is CENT_OF_ASSET or str(step) in _POWERS_OF_TEN:  # rounding to its digits is all there is to do
        digits = (value - value).adjusted()  # such a zero keeps the exponent of the value
        return value if digits >= step.adjusted() else value.quantize(step, rounding, _ROUNDING)
    count, rest = EXACT.divmod(value, step)
    coarser = not rest and not step.same_quantum(value) and step.same_quantum(EXACT.add(value, step))
    if coarser or rounding is ROUND_HALF_EVEN:  # a multiple with fewer digits than the step keeps them
        count = _ROUNDING.divide(value, step).to_integral_value(rounding=rounding, context=_ROUNDING)
    elif rest and rounding is not ROUND_DOWN and (rest > 0) == (rounding is ROUND_CEILING):
        count = EXACT.add(count, ONE if rest > 0 else -ONE)
    return EXACT.multiply(count, step)


def quantity_down(value: float | Decimal, lot: Decimal) -> Decimal:
    """A quantity rounded toward zero to whole lots: sizing never rounds up."""
    amount = value if isinstance(value, Decimal) else decimal_of(value)
    return _on_grid(amount, lot, ROUND_DOWN)


def price_to_tick(value: float | Decimal, tick: Decimal, *, up: bool) -> Decimal:
    """A price on the tick grid, rounded in the direction named (the caller picks the one against us)."""
    price = value if isinstance(value, Decimal) else decimal_of(value)
    return _on_grid(price, tick, ROUND_CEILING if up else ROUND_FLOOR)


def price_nearest(value: float | Decimal, tick: Decimal) -> Decimal:
    """The nearest price on the tick grid, ties to the even tick."""
    price = value if isinstance(value, Decimal) else decimal_of(value)
    return _on_grid(price, tick, ROUND_HALF_EVEN)


def ratio_on_grid(numerator: Decimal, denominator: Decimal, step: Decimal, *, up: bool) -> Decimal:
    """``numerator / denominator`` on the grid of ``step``, toward plus or minus infinity as named.

    The quotient itself is never rounded: whether it lies on the grid is decided by the remainder, so a
    value just short of a step is never taken for the step. Raises DivisionByZero for a zero denominator.
    """
    unit = EXACT.multiply(denominator, step)
    count, rest = EXACT.divmod(numerator, unit)
    if rest and (rest > 0) == (unit > 0):
        count = EXACT.add(count, ONE) if up else count
    elif rest and not up:
        count = EXACT.subtract(count, ONE)
    return EXACT.multiply(count, step)


def margin_up(notional: Decimal, leverage: Decimal) -> Decimal:
    """What ``leverage`` asks for a ``notional``, rounded up to eight decimals (against us)."""
    return ratio_on_grid(notional, leverage, CENT_OF_ASSET, up=True)


def fee_up(notional: Decimal, rate: Decimal) -> Decimal:
    """A fee of ``rate`` on ``notional``, rounded up to eight decimals: fees are never flattered."""
    return _on_grid(_product(notional, rate), CENT_OF_ASSET, ROUND_CEILING)


def payment_down(amount: Decimal) -> Decimal:
    """A signed payment to us, rounded toward minus infinity to eight decimals (against us)."""
    return _on_grid(amount, CENT_OF_ASSET, ROUND_FLOOR)


def share_of(total: Decimal, part: Decimal, whole: Decimal) -> Decimal:
    """``total * part / whole`` to eight decimals, half even; the remainder stays with the rest.

    Callers keep ``total - share`` for the rest, so the two always sum to ``total`` exactly.
    """
    if part == whole:
        return total
    raw = _ROUNDING.divide(EXACT.multiply(total, part), whole)
    return _on_grid(raw, CENT_OF_ASSET, ROUND_HALF_EVEN)


def average(total: Decimal, quantity: Decimal) -> Decimal:
    """``total / quantity`` to twelve decimals, half even: for display and averages, never for books."""
    if not quantity:
        return ZERO
    return _ROUNDING.divide(total, quantity).quantize(_TWELVE_DIGITS, ROUND_HALF_EVEN, _ROUNDING)
