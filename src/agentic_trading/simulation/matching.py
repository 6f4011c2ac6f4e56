"""The fill rules inside one candle, as pure functions; ambiguity is always resolved against us.

* A market order fills at the open of the candle in which it arrives, after costs.
* A limit order fills only if price trades *through* it, at the limit, or at the open if that is
  better. In the candle in which it arrives later than the open only the close is known to lie after
  the arrival, so only a close beyond the limit counts.
* A stop is triggered when touched and fills at the worse of stop and open, after costs. It lives from
  its entry's fill: touched in that candle means stopped. Stop and limit in one candle: the stop.
"""

from decimal import Decimal
from typing import NamedTuple

from agentic_trading.core.enums import Liquidity, Side
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import decimal_of
from agentic_trading.simulation.costs import CostModel


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
    return Match(price, reference, Liquidity.TAKER)


def match_limit(
    instrument: Instrument,
    side: Side,
    limit: Decimal,
    candle: Candle,
    elapsed_ratio: float | None,
    costs: CostModel,
) -> Match | None:
    """A limit order in a candle; ``elapsed_ratio`` is None once it rests from before the open."""
    buying = side is Side.BUY
    open_price = decimal_of(candle.open)
    if elapsed_ratio is not None and (open_price <= limit if buying else open_price >= limit):
        taken = costs.taker_price(instrument, side, open_price, candle, elapsed_ratio)
        if taken <= limit if buying else taken >= limit:
            return Match(taken, open_price, Liquidity.TAKER)
    if elapsed_ratio is not None and elapsed_ratio > 0.0:
        seen = decimal_of(candle.close)
    else:
        seen = decimal_of(candle.low if buying else candle.high)
    if not (seen < limit if buying else seen > limit):
        return None
    price = limit
    if elapsed_ratio is None:
        price = min(limit, open_price) if buying else max(limit, open_price)
    return Match(price, price, Liquidity.MAKER)


def match_stop(
    instrument: Instrument, side: Side, stop: Decimal, candle: Candle, costs: CostModel
) -> Match | None:
    """A stop-market order in a candle: triggered when touched, filled at the worse of stop and open."""
    open_price = decimal_of(candle.open)
    if side is Side.BUY:
        if decimal_of(candle.high) < stop:
            return None
        base = max(stop, open_price)
    else:
        if decimal_of(candle.low) > stop:
            return None
        base = min(stop, open_price)
    return Match(costs.taker_price(instrument, side, base, candle, 0.0), stop, Liquidity.TAKER)
