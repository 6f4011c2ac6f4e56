"""What trading costs beyond the fee: spread, slippage and latency, always against us and on the tick."""

import math
from decimal import Decimal
from functools import lru_cache

import msgspec

from agentic_trading.core.enums import Side
from agentic_trading.core.models import Candle, Instrument
from agentic_trading.core.money import ZERO, decimal_of, price_to_tick

BUY = Side.BUY
_BPS = Decimal("0.0001")
_RANGE_TO_SIGMA = Decimal("0.6005612")  # 1 / (2 sqrt(ln 2)), Parkinson 1980: range to standard deviation


class CostModel(msgspec.Struct, frozen=True):
    """How far a taker's price lies from what the market showed.

    ``fixed_bps`` is half-spread plus slippage. ``volatility_factor`` adds that multiple of the candle's
    range. ``impact_factor`` adds that multiple of the candle's volatility times the square root of our
    share of its volume (the square-root law of market impact). ``latency`` says whether the market may
    move against us while the order travels.
    """

    fixed_bps: Decimal
    volatility_factor: Decimal = ZERO
    latency: bool = True
    impact_factor: Decimal = ZERO

    def taker_price(
        self,
        instrument: Instrument,
        side: Side,
        base: Decimal,
        candle: Candle,
        elapsed_ratio: float,
        quantity: Decimal = ZERO,
    ) -> Decimal:
        """The price a taker gets for ``quantity`` when the market shows ``base``.

        Moved against us by half-spread and slippage, by the volatility and the impact term, and by the
        drift to be feared while the order travelled ``elapsed_ratio`` into the candle: range times the
        square root of the share that has passed (random-walk scaling). Rounded to the tick against us
        and never outside [low, high]: what lies beyond is the last tick inside, or the extreme itself
        where the data is off the tick.
        """
        adverse = base * self.fixed_bps * _BPS
        drifts = self.latency and elapsed_ratio > 0.0
        if drifts or self.volatility_factor or self.impact_factor:
            spread = decimal_of(candle.high) - decimal_of(candle.low)
            if self.volatility_factor:
                adverse += spread * self.volatility_factor
            if drifts:
                adverse += spread * _drift(elapsed_ratio)
            if self.impact_factor and candle.volume > 0.0:
                share = math.sqrt(float(quantity) / candle.volume)
                adverse += spread * _RANGE_TO_SIGMA * self.impact_factor * decimal_of(share)
        if side is BUY:
            price = price_to_tick(base + adverse, instrument.tick, up=True)
            if price == base or float(price) < candle.high:  # floats order like their decimals
                return price
            high = decimal_of(candle.high)
            if price <= high:
                return price
            last = price_to_tick(high, instrument.tick, up=False)
            return last if last >= base else max(high, base)
        price = price_to_tick(base - adverse, instrument.tick, up=False)
        if price == base or float(price) > candle.low:
            return price
        low = decimal_of(candle.low)
        if price >= low:
            return price
        last = price_to_tick(low, instrument.tick, up=True)
        return last if last <= base else min(low, base)


@lru_cache(maxsize=256)
def _drift(elapsed_ratio: float) -> Decimal:
    """The share of the range; without jitter all orders take the same time, so it is mostly known."""
    return decimal_of(math.sqrt(elapsed_ratio))


FREE = CostModel(fixed_bps=ZERO, latency=False)
"""No spread, no slippage, no latency cost: for comparisons with engines that know none."""
