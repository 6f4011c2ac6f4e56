"""The fill rules inside one candle, as pure functions; ambiguity is always resolved against us.

* A market order fills at the open of the candle in which it arrives, after costs.
* A limit order takes the open in which it arrives if that is within its price after costs; resting, it
  fills only if price trades *through* it, at the limit, or at the open if that is better. In the candle
  in which it arrives later than the open only the close is known to lie after the arrival, so only a
  close beyond the limit counts.
* A stop is triggered when touched and fills at the worse of stop and open, after costs. It lives from
  its entry's fill: touched in that candle means stopped. Stop and limit in one candle: the stop.
* A take-profit is triggered when touched, from the other side, and shows its level, or the open if that
  lies beyond.
"""

from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.core.models import Candle
from agentic_trading.core.money import decimal_of

BUY, MAKER, TAKER = Side.BUY, Liquidity.MAKER, Liquidity.TAKER


class Match(msgspec.Struct, frozen=True, gc=False):
    """An order meets the candle: at which price, against which uncosted price, as maker or taker."""

    price: Decimal
    reference: Decimal
    liquidity: Liquidity


def elapsed_share(candle: Candle, at_ns: int) -> float:
    """Which share of a candle has passed at a time inside it."""
    return (at_ns - candle.open_ns) / (candle.close_ns - candle.open_ns)


def within(side: Side, price: Decimal, limit: Decimal | None) -> bool:
    """Whether a price is no worse than a limit; without a limit every price is."""
    return limit is None or (price <= limit if side is BUY else price >= limit)


def gap_limit(side: Side, limit: Decimal, candle: Candle) -> Match | None:
    """A limit order that rested when the candle opened: filled at an open that is better than it."""
    open_price = decimal_of(candle.open)
    if open_price >= limit if side is BUY else open_price <= limit:
        return None
    return Match(open_price, open_price, MAKER)


def trade_through(
    side: Side, limit: Decimal, candle: Candle, *, from_open: bool, touch: bool = False
) -> Match | None:
    """A resting limit order after the open: filled at its price if the candle traded beyond it.

    Unless it rested ``from_open``, only the close is known to lie after its arrival. With ``touch`` a
    price at the limit is enough.
    """
    buying = side is BUY
    if not from_open:
        seen = decimal_of(candle.close)
    else:
        seen = decimal_of(candle.low if buying else candle.high)
    if seen > limit if buying else seen < limit:
        return None
    if seen == limit and not touch:
        return None
    return Match(limit, limit, MAKER)


def opens_beyond(level: Decimal, candle: Candle, *, rising: bool) -> bool:
    """Whether a level is reached by the open already."""
    return _reached(level, candle.open, rising)


def trigger_price(level: Decimal, candle: Candle, *, rising: bool, from_open: bool = True) -> Decimal | None:
    """What the market shows when the candle reaches a level: the level, or an open beyond it.

    ``rising`` levels are reached from below. Unless the whole candle counts (``from_open``), only a
    close at the level or beyond does, and the candle shows the level or what of it is nearest. None if
    the level is not reached.
    """
    if not from_open:
        if not _reached(level, candle.close, rising):
            return None
        return max(level, decimal_of(candle.low)) if rising else min(level, decimal_of(candle.high))
    if not _reached(level, candle.high if rising else candle.low, rising):
        return None
    if not _reached(level, candle.open, rising):
        return level
    shown = decimal_of(candle.open)
    return max(level, shown) if rising else min(level, shown)


def _reached(level: Decimal, price: float, rising: bool) -> bool:
    """Whether a price is at a level or beyond; floats order like their decimals, so only equals are close."""
    near = float(level)
    if price != near:
        return price > near if rising else price < near
    exact = decimal_of(price)
    return exact >= level if rising else exact <= level
