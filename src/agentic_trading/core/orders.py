"""The terms of an order: what is to be bought or sold, how, and what protects what it opens."""

from decimal import Decimal

import msgspec

from agentic_trading.core.enums import OrderType, PositionSide, Side, TimeInForce
from agentic_trading.core.money import ZERO

# Names of their own: enums look their members up slowly.
STOP_MARKET, LIMIT = OrderType.STOP_MARKET, OrderType.LIMIT


class Target(msgspec.Struct, frozen=True, gc=False):
    """Where to take profit, and on which share of the position (0..1]."""

    price: Decimal
    share_ratio: Decimal


class OrderTerms(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What is to be bought or sold; the part that proposal, intent and order have in common.

    ``price`` is the limit, ``stop_price`` the trigger. ``closing`` means that the order only takes
    down the strategy's own position; ``reduce_only`` asks the venue to enforce it on the account.
    ``protective_stop`` is the price at which the position it opens is to be closed: the venue works
    that stop from the first fill on, under the id ``stop_id_of(order_id)``. ``replaces`` names an
    order that the venue cancels when it takes this one; if that order is done, this one is rejected.

    ``targets`` are worked beside the stop as reduce-only limits, under the ids ``target_id_of(order_id,
    1)`` and on. ``trail_ratio`` or ``trail_amount`` (quote currency) is how far a trailing stop follows,
    from ``activation_price`` on if there is one. ``expires_ns`` is when a GTD order ends. ``post_only``
    never takes. ``close_position`` closes whatever is held when it executes; its quantity is zero. Of
    the orders with one ``oco_group`` on a symbol, the first that executes or triggers cancels the others.
    """

    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    stop_price: Decimal | None = None
    closing: bool = False
    reduce_only: bool = False
    protective_stop: Decimal | None = None
    replaces: str | None = None
    targets: tuple[Target, ...] = ()
    position_side: PositionSide = PositionSide.NET
    post_only: bool = False
    close_position: bool = False
    trail_ratio: Decimal | None = None
    trail_amount: Decimal | None = None
    activation_price: Decimal | None = None
    expires_ns: int | None = None
    oco_group: str | None = None


def stop_id_of(order_id: str) -> str:
    """Id of the protective stop that is attached to an order."""
    return order_id + "s"


def target_id_of(order_id: str, number: int) -> str:
    """Id of a target that is attached to an order; the first is number 1."""
    return f"{order_id}t{number}"


def attached_stop(entry: OrderTerms) -> OrderTerms:
    """Terms of the protective stop that an entry carries; its quantity grows with the entry's fills."""
    return OrderTerms(
        strategy=entry.strategy,
        symbol=entry.symbol,
        side=entry.side.opposite,
        quantity=ZERO,
        type=STOP_MARKET,
        stop_price=entry.protective_stop,
        closing=True,
        reduce_only=True,
        position_side=entry.position_side,
    )


def attached_target(entry: OrderTerms, target: Target) -> OrderTerms:
    """Terms of a target that an entry carries; its quantity grows with the entry's fills."""
    return OrderTerms(
        strategy=entry.strategy,
        symbol=entry.symbol,
        side=entry.side.opposite,
        quantity=ZERO,
        type=LIMIT,
        price=target.price,
        closing=True,
        reduce_only=True,
        position_side=entry.position_side,
    )
