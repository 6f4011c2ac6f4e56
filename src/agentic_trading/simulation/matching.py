"""The fill rules inside one candle, as pure functions; ambiguity is always resolved against us.

* A market order fills at the open of the candle in which it arrives, after costs.
* A limit order takes the open in which it arrives if that is within its price after costs; resting, it
  fills only if price trades *through* it, at the limit, or at the open if that is better. In the candle
  in which it arrives later than the open only the close is known to lie after the arrival, so only a
  close beyond the limit counts.
* A stop is triggered when touched and fills at the worse of stop and open, after costs. It lives from
  its entry's fill: touched in that candle means stopped. Stop and limit in one candle: the stop.
"""

from decimal import Decimal
from typing import NamedTuple

from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import decimal_of
from agentic_trading.simulation.costs import CostModel

BUY, MAKER, TAKER = Side.BUY, Liquidity.MAKER, Liquidity.TAKER


class Match(NamedTuple):
    """An order meets the candle: at which price, against which uncosted price, as maker or taker."""

    price: Decimal
    reference: Decimal
    liquidity: Liquidity


def match_market(
    instrument: Instrument, side: Side, candle: Candle, elapsed_ratio: float, costs: CostModel
) -> Match:
    """A market order that arrives ``elapsed_ratio`` into the candle."""
    reference = decimal_of(candle.open)
    price = costs.taker_price(instrument, side, reference, candle, elapsed_ratio)
    return Match(price, reference, TAKER)


def take_limit(
    instrument: Instrument, side: Side, limit: Decimal, candle: Candle, elapsed_ratio: float, costs: CostModel
) -> Match | None:
    """A limit order at its arrival: it takes what the open offers, if that is within it after costs."""
    open_price = decimal_of(candle.open)
    taken = costs.taker_price(instrument, side, open_price, candle, elapsed_ratio)
    if taken > limit if side is BUY else taken < limit:
        return None
    return Match(taken, open_price, TAKER)


def gap_limit(side: Side, limit: Decimal, candle: Candle) -> Match | None:
    """A limit order that rested when the candle opened: filled at an open that is better than it."""
    open_price = decimal_of(candle.open)
    if open_price >= limit if side is BUY else open_price <= limit:
        return None
    return Match(open_price, open_price, MAKER)


def trade_through(side: Side, limit: Decimal, candle: Candle, *, from_open: bool) -> Match | None:
    """A resting limit order after the open: filled at its price if the candle traded beyond it.

    Unless it rested ``from_open``, only the close is known to lie after its arrival.
    """
    buying = side is BUY
    if not from_open:
        seen = decimal_of(candle.close)
    else:
        seen = decimal_of(candle.low if buying else candle.high)
    if seen >= limit if buying else seen <= limit:
        return None
    return Match(limit, limit, MAKER)


def opens_beyond(side: Side, stop: Decimal, candle: Candle) -> bool:
    """Whether a stop is touched by the open already."""
    open_price = decimal_of(candle.open)
    return open_price >= stop if side is BUY else open_price <= stop


def match_stop(
    instrument: Instrument, side: Side, stop: Decimal, candle: Candle, costs: CostModel
) -> Match | None:
    """A stop-market order in a candle: triggered when touched, filled at the worse of stop and open."""
    open_price = decimal_of(candle.open)
    if side is BUY:
        if decimal_of(candle.high) < stop:
            return None
        base = max(stop, open_price)
    else:
        if decimal_of(candle.low) > stop:
            return None
        base = min(stop, open_price)
    return Match(costs.taker_price(instrument, side, base, candle, 0.0), base, TAKER)
