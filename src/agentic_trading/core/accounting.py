"""The arithmetic of a position: what a trade does to quantity, cost and realised profit, exactly."""

from decimal import Decimal
from typing import NamedTuple

from agentic_trading.core.money import ZERO, share_of


class Applied(NamedTuple):
    """A position after a trade, and the profit that the trade realised."""

    quantity: Decimal
    cost: Decimal
    realised: Decimal


def apply_trade(quantity: Decimal, cost: Decimal, traded: Decimal, price: Decimal) -> Applied:
    """Add a signed trade to a signed position at average cost (the venues' rule for linear contracts).

    ``cost`` is signed like ``quantity`` (quantity times average entry price). What is closed takes its
    proportional share of the cost, rounded by `money.share_of`; the rest keeps the remainder, so
    ``realised - cost`` always moves by exactly ``-traded * price``. A trade through zero closes the
    whole position and opens the rest at ``price``.
    """
    if not quantity or (quantity > 0) == (traded > 0):
        return Applied(quantity + traded, cost + traded * price, ZERO)
    closed = traded if abs(traded) <= abs(quantity) else -quantity
    released = share_of(cost, abs(closed), abs(quantity))
    opened = traded - closed
    return Applied(
        quantity + traded,
        cost - released + opened * price,
        -closed * price - released,
    )
