"""Orders that close a position: one for each stop that protects a part of it, and in its place."""

from collections.abc import Sequence
from decimal import Decimal

from agentic_trading.core.enums import OrderType, PositionSide, Side
from agentic_trading.core.events import OrderTerms
from agentic_trading.core.interfaces import OpenOrder
from agentic_trading.core.money import ZERO

# Names of their own: enums look their members up slowly.
BUY, SELL, MARKET, STOP_MARKET = Side.BUY, Side.SELL, OrderType.MARKET, OrderType.STOP_MARKET


def closing_orders(
    key: tuple[str, str],
    held: Decimal,
    stops: Sequence[OpenOrder],
    leg: PositionSide,
    stop_price: Decimal | None,
    *,
    reduce_only: bool,
) -> list[OrderTerms]:
    """Close all of ``held`` (signed) at market, or at another trigger; ``key`` is (strategy, symbol).

    The venue replaces a stop in one step, and only one by one order: so there is an order for each, for
    what that stop covers. The last also takes what no stop covers. A stop that has the wanted trigger
    already is left where it is.
    """
    strategy, symbol = key
    side, kind = SELL if held > ZERO else BUY, MARKET if stop_price is None else STOP_MARKET
    left, last = abs(held), stops[-1] if stops else None
    orders: list[OrderTerms] = []
    for stop in stops or (None,):
        part = left if stop is None or stop is last else min(stop.remaining, left)
        left -= part
        there = stop_price is not None and stop is not None and stop.terms.stop_price == stop_price
        if part > ZERO and not there:
            replaces = None if stop is None else stop.order_id
            orders.append(
                OrderTerms(
                    strategy,
                    symbol,
                    side,
                    part,
                    kind,
                    stop_price=stop_price,
                    closing=True,
                    reduce_only=reduce_only,
                    replaces=replaces,
                    position_side=leg,
                )
            )
    return orders
