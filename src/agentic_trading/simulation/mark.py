"""The mark price of a perpetual over each candle, or the stated stand-in for it."""

from typing import NamedTuple

import numpy as np

from agentic_trading.core.models import CLOSE, HIGH, LOW, Candle, CandleColumns, IntArray


class Mark(NamedTuple):
    """Mark prices over one candle; ``stand_in`` if the traded prices stand in for them."""

    low: float
    high: float
    close: float
    stand_in: bool


class MarkPrices:
    """Mark candles of one perpetual, asked candle by candle of the traded market.

    The mark of a candle is the mark candle of the same timeframe and time. Where there is none, or only
    one that was filled in, the candle's own prices stand in: last price for mark price.
    """

    def __init__(self, candles: CandleColumns | None) -> None:
        self._candles = candles

    def over(self, candle: Candle) -> Mark:
        """The mark prices while this candle of the traded market formed."""
        known = self._candles
        if known is not None and known.timeframe is candle.timeframe:
            row = int(np.searchsorted(known.open_ns, candle.open_ns))
            if row < len(known) and known.open_ns[row] == candle.open_ns and not known.filled[row]:
                low, high, close = known.bars[[LOW, HIGH, CLOSE], row].tolist()
                return Mark(low, high, close, stand_in=False)
        return Mark(candle.low, candle.high, candle.close, stand_in=True)

    def lacking(self, traded: CandleColumns) -> int:
        """For how many candles of the traded market the last price stands in."""
        known = self._candles
        if known is None or known.timeframe is not traded.timeframe:
            return len(traded)
        own: IntArray = known.open_ns[~known.filled]
        return len(traded) - int(np.count_nonzero(np.isin(traded.open_ns, own)))
