"""The arithmetic of a position: what a trade does to quantity, cost and realised profit, exactly."""

from decimal import Decimal

from agentic_trading.core.money import ZERO, share_of


def apply_trade(
    quantity: Decimal, cost: Decimal, traded: Decimal, price: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """Add a signed trade to a signed position at average cost (the venues' rule for linear contracts).

    Gives quantity and cost after the trade and the profit that it realised. ``cost`` is signed like
    ``quantity`` (quantity times average entry price). What is closed takes its proportional share of the
    cost, rounded by `money.share_of`; the rest keeps the remainder, so ``realised - cost`` always moves
    by exactly ``-traded * price``. A trade through zero closes the whole position and opens the rest at
    ``price``.
    """
    after = quantity + traded
    if not quantity or (quantity > ZERO) == (traded > ZERO):
        return after, cost + traded * price, ZERO
    if not after:
        realised = -traded * price - cost
        return after, realised - realised, realised  # a zero that keeps the digits of price and cost
    closed = traded if abs(traded) < abs(quantity) else -quantity
    released = share_of(cost, abs(closed), abs(quantity))
    opened = traded - closed
    return after, cost - released + opened * price, -closed * price - released
