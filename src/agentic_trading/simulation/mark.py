"""The mark price of each perpetual over every candle, or the stated stand-in for it."""

from bisect import bisect_left, bisect_right
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import CLOSE, HIGH, LOW, OPEN, Candle, CandleColumns, FloatArray, plain
from agentic_trading.core.money import ZERO, decimal_of


class Mark(NamedTuple):
    """Mark prices over one candle; ``stand_in`` if the traded prices stand in for them."""

    open: float
    low: float
    high: float
    close: float
    stand_in: bool


class MarkSeries:
    """Mark prices of one perpetual over each of its traded candles.

    The mark of a candle is the mark candle of the same timeframe and time. Where there is none, or only
    one that was filled in, the candle's own prices stand in: last price for mark price.
    """

    def __init__(self, traded: CandleColumns, marks: CandleColumns | None = None) -> None:
        self.symbol = traded.symbol
        self.timeframe = traded.timeframe
        bars = traded.bars
        self.lacking = len(traded)
        """For how many candles the last price stands in."""
        own = np.zeros(len(traded), dtype=np.bool_)
        if marks is not None and marks.timeframe is traded.timeframe and len(marks):
            rows = np.searchsorted(marks.open_ns, traded.open_ns)
            rows[rows == len(marks)] = 0
            own = (marks.open_ns[rows] == traded.open_ns) & ~marks.filled[rows]
            bars = np.where(own, marks.bars[:, rows], bars)
            self.lacking -= int(np.count_nonzero(own))
        self.highs: FloatArray = bars[HIGH]
        self.lows: FloatArray = bars[LOW]
        """Both (n,), by row of the traded candles."""
        self._opens_ns = plain(traded.open_ns)
        self._own = plain(own)
        self._bars = tuple(plain(bars[row]) for row in (OPEN, LOW, HIGH, CLOSE))

    def at(self, open_ns: int) -> Mark | None:
        """The mark prices over the candle that opened then; None if there is none."""
        row = bisect_left(self._opens_ns, open_ns)
        if row == len(self._opens_ns) or self._opens_ns[row] != open_ns:
            return None
        first, low, high, last = self._bars
        return Mark(first[row], low[row], high[row], last[row], not self._own[row])

    def last(self, known_ns: int) -> float | None:
        """The mark price at the end of the last candle that closed by then; None before the first."""
        row = bisect_right(self._opens_ns, known_ns - self.timeframe.ns) - 1
        return float(self._bars[3][row]) if row >= 0 else None


class Marks:
    """Mark prices of all perpetuals, from their history; without one the candles that were seen stand in."""

    def __init__(self, *series: MarkSeries) -> None:
        self._series = {(each.symbol, each.timeframe): each for each in series}
        self._seen: dict[str, Candle] = {}
        self._before: dict[str, float] = {}  # the close of the candle before that
        self._converted = (float("nan"), ZERO)

    def series(self, symbol: str, timeframe: Timeframe) -> MarkSeries | None:
        """The history of a symbol's marks; None if it is not known."""
        return self._series.get((symbol, timeframe))

    def see(self, candle: Candle) -> None:
        """Take note of a candle of the traded market; needed only for symbols without history."""
        before = self._seen.get(candle.symbol)
        if before is not None:
            self._before[candle.symbol] = before.close
        self._seen[candle.symbol] = candle

    def over(self, candle: Candle) -> Mark:
        """The mark prices while this candle of the traded market formed."""
        series = self._series.get((candle.symbol, candle.timeframe))
        mark = series.at(candle.open_ns) if series is not None else None
        return mark or Mark(candle.open, candle.low, candle.high, candle.close, stand_in=True)

    def span(self, candle: Candle) -> tuple[float, float]:
        """The lowest and the highest mark price while this candle of the traded market formed."""
        if not self._series:
            return candle.low, candle.high
        mark = self.over(candle)
        return mark.low, mark.high

    def beside(self, symbol: str, candle: Candle) -> Mark | None:
        """The mark prices of another symbol while this candle formed, else its last; None if not known."""
        series = self._series.get((symbol, candle.timeframe))
        mark = series.at(candle.open_ns) if series is not None else None
        if mark is None:
            seen = self._seen.get(symbol)
            if series is None and seen is not None and seen.open_ns == candle.open_ns:
                return self.over(seen)
            price = self.last(symbol, candle.open_ns, candle.timeframe)
            mark = None if price is None else Mark(price, price, price, price, stand_in=False)
        return mark

    def last(self, symbol: str, known_ns: int, timeframe: Timeframe | None = None) -> float | None:
        """The last mark price known at a time, of the candles of this timeframe if there are such."""
        price = None
        if self._series:  # else those that were seen are all there is
            own = None if timeframe is None else self._series.get((symbol, timeframe))
            price = None if own is None else own.last(known_ns)
            for series in self._series.values():
                if price is None and series.symbol == symbol:
                    price = series.last(known_ns)
        if price is None:
            seen = self._seen.get(symbol)
            if seen is not None:
                price = seen.close if seen.close_ns <= known_ns else self._before.get(symbol)
        return price

    def price(self, symbol: str, known_ns: int) -> Decimal | None:
        """The last mark price known at a time, as money; mostly it is the one that was asked for before."""
        price = self.last(symbol, known_ns)
        if price is None:
            return None
        if price != self._converted[0]:
            self._converted = price, decimal_of(price)
        return self._converted[1]
