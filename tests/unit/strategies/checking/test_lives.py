"""A life lets a strategy's own wishes happen to it: refused, filled at the open, cancelled, stopped out."""

from decimal import Decimal
from typing import Any

import numpy as np

from agentic_trading.core.enums import Direction, Market, Posture, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle, CandleColumns, Instrument
from agentic_trading.features.table import Table, build_table
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.checking.ground import Ground
from agentic_trading.strategies.checking.lives import Life
from agentic_trading.strategies.checking.probing import Standing


class Always(BaseStrategy):
    """Wants one direction at every candle, with a stop 10 away."""

    direction = Direction.LONG

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        if self.direction is Direction.SHORT:
            return Signal.short(candle, stop=candle.close + 10.0)
        return Signal.long(candle, stop=candle.close - 10.0)


class AlwaysShort(Always):
    direction = Direction.SHORT


def lived(strategy: BaseStrategy[Any], lows: list[float], market: Market = Market.LINEAR) -> list[Standing]:
    """Where a strategy stands at each candle; they open at 100 and close at 101."""
    count = len(lows)
    bars = np.array([[100.0] * count, [102.0] * count, lows, [101.0] * count, [1.0] * count])
    opens = Timeframe.M15.ns * np.arange(count, dtype=np.int64)
    filled, starts = np.zeros(count, dtype=np.bool_), np.zeros(1, dtype=np.int64)
    base = CandleColumns("BTC/USDT", Timeframe.M15, opens, bars, filled, starts)

    def table_of(columns: CandleColumns) -> Table:
        return build_table({Timeframe.M15: columns}, Timeframe.M15, ())

    step = Decimal("0.01")
    instrument = Instrument("binance", "BTC/USDT", market, "BTC", "USDT", step, step, step, Decimal(5))
    ground = Ground(instrument, table_of(base), base, table_of)
    life = Life(strategy, ground, 0)
    stood = []
    for row in range(count):
        vector = ground.vector(row)
        standing = life.standing(vector.candle)
        stood.append(standing)
        life.ask(vector, row, standing)
    return stood


def test_wishes_meet_their_fates_in_turn() -> None:
    """The first wish is refused, the second filled at the next open, with the stop that it named."""
    start, refused, held = lived(Always(), [99.0] * 3)
    assert (start.name, start.posture) == ("in a life: flat after the start", Posture.FLAT)
    assert (refused.name, refused.posture) == ("in a life: flat after a refusal", Posture.FLAT)
    assert (held.name, held.posture) == ("in a life: long after a fill", Posture.LONG)
    entry = held.entry
    assert entry is not None
    assert (entry.price, entry.high, entry.low, entry.stop) == (100.0, 102.0, 99.0, 91.0)


def test_a_stop_that_is_reached_ends_the_position() -> None:
    """The candle whose low reaches the stop leaves the strategy flat; its next wish is cancelled later."""
    stood = lived(Always(), [99.0, 99.0, 99.0, 91.0, 99.0, 99.0, 99.0])
    assert [each.name.removeprefix("in a life: ") for each in stood[3:]] == [
        "flat after a stop",
        "flat, a long under way after a stop",
        "flat, a long under way after a stop",
        "flat after a cancel",
    ]
    assert [each.posture for each in stood[3:5]] == [Posture.FLAT, Posture.BETWEEN]


def test_no_position_lasts_for_ever() -> None:
    """After enough candles somebody else closes it, so that strategies that never leave are asked flat."""
    stood = lived(Always(), [99.0] * 110)
    assert stood[2].held is stood[97].held is Direction.LONG
    assert stood[98].name == "in a life: flat after a close from outside"


def test_what_cannot_be_sold_short_is_always_refused() -> None:
    """On spot a wish to go short never comes true; on a perpetual it does."""
    assert {each.held for each in lived(AlwaysShort(), [99.0] * 20, Market.SPOT)} == {Direction.FLAT}
    assert Direction.SHORT in {each.held for each in lived(AlwaysShort(), [99.0] * 3)}
