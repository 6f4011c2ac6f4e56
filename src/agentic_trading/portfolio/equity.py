"""Marks and the equity curve: what the account is worth at every candle close."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from agentic_trading.core.equity import (
    CASH,
    DAY_START,
    DRAWDOWN,
    EQUITY,
    GROSS,
    LAST,
    NET,
    NO_LIMITS,
    ByteArray,
    mark_rows,
    new_levels,
)
from agentic_trading.core.events import Bankrupt, CandlesClosed, DayStarted, Event
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.portfolio.ledger import Ledger

_BLOCK = 4096


class TimeAxis(Protocol):
    """Says when candles closed."""

    def closed_ns(self, row: int) -> list[int]:
        """When the last candle of each symbol closed by a row; 0 before its first."""
        ...


class UnseenMarket(Protocol):
    """The prices of rows whose candles nobody shows; arrays as in `core.equity.mark_rows`."""

    @property
    def timeline(self) -> TimeAxis: ...

    @property
    def times(self) -> IntArray: ...

    @property
    def closes(self) -> FloatArray: ...

    @property
    def day_edges(self) -> ByteArray: ...


_NO_EDGE = np.zeros(1, dtype=np.int8)


class EquityCurve:
    """Agent ``equity``: remembers last prices, marks every candle close, knows drawdown and day loss.

    A replay that skips candles marks them with `skip`, through the same compiled function.
    """

    name = "equity"
    reads = ("ledger",)
    emits = (Bankrupt,)

    def __init__(self, ledger: Ledger, symbols: Sequence[str], quote: str, capacity: int = _BLOCK) -> None:
        """``symbols`` fixes the order of summation; ``capacity`` is a hint for the number of rows."""
        self._ledger = ledger
        self._quote = quote
        self._index = {symbol: position for position, symbol in enumerate(symbols)}
        self._prices = np.full((1, len(symbols)), np.nan)
        self._row = self._prices[0].data
        self._marked_ns = [0] * len(symbols)
        self._last = [float("nan")] * len(symbols)
        self._quantities = np.zeros(len(symbols))
        self._version = -1
        self._cash = self._value = 0.0
        capital = float(ledger.balance(quote))
        self._levels = new_levels(capital)
        self._now: tuple[float, ...] | None = (capital, capital, 0.0, 0.0, 0.0)
        self._times = np.zeros(capacity, dtype=np.int64)
        self._rows = np.zeros((5, capacity))
        self._count = 0
        self._marked_until_ns = 0
        self._unseen: tuple[UnseenMarket, int, int] | None = None

    def react(self, event: CandlesClosed | DayStarted) -> Iterable[Event]:
        if type(event) is DayStarted:
            self._levels[DAY_START] = self._levels[LAST]
            return ()
        assert isinstance(event, CandlesClosed)
        if event.at_ns != self._marked_until_ns:
            self._mark_candles(event)
        equity = self.equity
        return (Bankrupt(event.at_ns, equity),) if equity <= 0.0 else ()

    def _mark_candles(self, event: CandlesClosed) -> None:
        self._catch_up()
        for candle in event.candles:
            position = self._index[candle.symbol]
            self._row[position] = self._last[position] = candle.close
            self._marked_ns[position] = candle.close_ns
        self._make_room(1)
        self._times[self._count] = self._marked_until_ns = event.at_ns
        self._mark(self._prices, _NO_EDGE, NO_LIMITS, 0, 1)

    def skip(self, market: UnseenMarket, limits: FloatArray, start: int, stop: int) -> int:
        """Mark rows ``start..stop`` that nobody looks at; returns the first row that needs a look.

        ``limits`` as in `core.equity.mark_rows`.
        """
        self._make_room(stop - start)
        reached = self._mark(market.closes, market.day_edges, limits, start, stop)
        self._note(market, start, reached)
        return reached

    def look(self, market: UnseenMarket, row: int) -> None:
        """Mark a row of which `react` will only hear that its candles closed; its day ends after that."""
        self._make_room(1)
        self._mark(market.closes[row : row + 1], _NO_EDGE, NO_LIMITS, 0, 1)
        self._note(market, row, row + 1)

    def _note(self, market: UnseenMarket, start: int, stop: int) -> None:
        """Rows of the market are marked; who asks for last closes will find them there."""
        if stop > start:
            self._times[self._count - (stop - start) : self._count] = market.times[start:stop]
            self._marked_until_ns = int(market.times[stop - 1])
            self._unseen = (market, start if self._unseen is None else self._unseen[1], stop - 1)

    @property
    def equity(self) -> float:
        """Value of the account at the last close, in quote currency."""
        return self._at_last_close()[EQUITY]

    @property
    def cash(self) -> float:
        return self._at_last_close()[CASH]

    @property
    def gross_exposure(self) -> float:
        return self._at_last_close()[GROSS]

    @property
    def net_exposure(self) -> float:
        return self._at_last_close()[NET]

    @property
    def drawdown_ratio(self) -> float:
        """How far equity is below its peak, as a ratio of the peak."""
        return self._at_last_close()[DRAWDOWN]

    @property
    def day_loss_ratio(self) -> float:
        """Loss since the equity at the start of this UTC day, as a ratio of it; negative in profit.

        NaN, which is refused as unknown, if there is no such start.
        """
        day_start = float(self._levels[DAY_START])
        return (day_start - self.equity) / day_start if day_start > 0.0 else float("nan")

    def price(self, symbol: str) -> float:
        """Last closed price; NaN before the first candle."""
        self._catch_up()
        return self._last[self._index[symbol]]

    def marked_ns(self, symbol: str) -> int:
        """Close time of the last candle; 0 before the first."""
        self._catch_up()
        return self._marked_ns[self._index[symbol]]

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Times (n,) and the matrix (5, n): equity, cash, gross, net exposure, drawdown; not copies."""
        return self._times[: self._count], self._rows[:, : self._count]

    def _catch_up(self) -> None:
        """Take over the last closes of skipped rows: the first who asks needs them."""
        if self._unseen is None:
            return
        market, since, last = self._unseen
        self._unseen = None
        since_ns = int(market.times[since])
        closed = zip(market.closes[last].tolist(), market.timeline.closed_ns(last), strict=True)
        for position, (close, close_ns) in enumerate(closed):
            if close_ns >= since_ns:
                self._row[position] = self._last[position] = close
                self._marked_ns[position] = close_ns

    def _mark(
        self, prices: FloatArray, day_edges: ByteArray, limits: FloatArray, start: int, stop: int
    ) -> int:
        self._refresh()
        reached: int = mark_rows(
            self._levels, self._quantities, self._value, self._cash, prices, day_edges, limits,
            self._rows, self._count, start, stop,
        )  # fmt: skip
        if reached > start:
            self._count += reached - start
            self._now = None
        return reached

    def _at_last_close(self) -> tuple[float, ...]:
        if self._now is None:
            self._now = tuple(self._rows[:, self._count - 1].tolist())
        return self._now

    def _refresh(self) -> None:
        """Take over the ledger's exact numbers as floats, only when something was posted."""
        if self._ledger.version == self._version:
            return
        self._version = self._ledger.version
        for symbol, position in self._index.items():
            self._quantities[position] = float(self._ledger.net_quantity(symbol))
        self._cash = float(self._ledger.balance(self._quote))
        self._value = float(self._ledger.quote_value(self._quote))

    def _make_room(self, rows: int) -> None:
        missing = self._count + rows - self._times.shape[0]
        if missing > 0:
            more = max(missing, self._times.shape[0])
            self._times = np.concatenate([self._times, np.zeros(more, dtype=np.int64)])
            self._rows = np.concatenate([self._rows, np.zeros((5, more))], axis=1)
