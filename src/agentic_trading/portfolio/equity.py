"""Marks and the equity curve: what the account is worth at every candle close."""

from collections.abc import Iterable, Sequence

import numpy as np

from agentic_trading.core.equity import CASH, DRAWDOWN, EQUITY, GROSS, NET, mark_rows, new_peaks
from agentic_trading.core.events import Bankrupt, CandlesClosed, DayStarted, Event
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.portfolio.ledger import Ledger

_BLOCK = 4096


class EquityCurve:
    """Agent ``equity``: remembers last prices, marks every candle close, knows drawdown and day loss.

    Rows are kept in blocks that grow; `rows` returns them as one matrix.
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
        self._marked_ns = [0] * len(symbols)
        self._last = [float("nan")] * len(symbols)
        self._quantities = np.zeros(len(symbols))
        self._row = np.zeros((5, 1))
        self._version = -1
        self._cash = self._value = 0.0
        capital = float(ledger.balance(quote))
        self._peak = new_peaks(capital)
        self._now = (capital, capital, 0.0, 0.0, 0.0)
        self._day_start = capital
        self._times = np.zeros(capacity, dtype=np.int64)
        self._rows = np.zeros((5, capacity))
        self._count = 0

    def react(self, event: CandlesClosed | DayStarted) -> Iterable[Event]:
        if type(event) is DayStarted:
            self._day_start = self._now[EQUITY]
            return ()
        assert isinstance(event, CandlesClosed)
        for candle in event.candles:
            position = self._index[candle.symbol]
            self._prices[0, position] = candle.close
            self._last[position] = candle.close
            self._marked_ns[position] = candle.close_ns
        self._refresh()
        mark_rows(self._peak, self._quantities, self._value, self._cash, self._prices, self._row, 0, 1)
        equity, cash, gross, net, drawdown = self._row[:, 0].tolist()
        self._now = (equity, cash, gross, net, drawdown)
        self._append(event.at_ns)
        return (Bankrupt(event.at_ns, equity),) if equity <= 0.0 else ()

    @property
    def equity(self) -> float:
        """Value of the account at the last close, in quote currency."""
        return self._now[EQUITY]

    @property
    def cash(self) -> float:
        return self._now[CASH]

    @property
    def gross_exposure(self) -> float:
        return self._now[GROSS]

    @property
    def net_exposure(self) -> float:
        return self._now[NET]

    @property
    def drawdown_ratio(self) -> float:
        """How far equity is below its peak, as a ratio of the peak."""
        return self._now[DRAWDOWN]

    @property
    def day_loss_ratio(self) -> float:
        """Loss since the equity at the start of this UTC day, as a ratio of it; 0 in profit."""
        if self._day_start <= 0.0:
            return 0.0
        return max(0.0, (self._day_start - self._now[EQUITY]) / self._day_start)

    def price(self, symbol: str) -> float:
        """Last closed price; NaN before the first candle."""
        return self._last[self._index[symbol]]

    def marked_ns(self, symbol: str) -> int:
        """Close time of the last candle; 0 before the first."""
        return self._marked_ns[self._index[symbol]]

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Times (n,) and the matrix (5, n): equity, cash, gross, net exposure, drawdown."""
        return self._times[: self._count].copy(), self._rows[:, : self._count].copy()

    def _refresh(self) -> None:
        """Take over the ledger's exact numbers as floats, only when something was posted."""
        if self._ledger.version == self._version:
            return
        self._version = self._ledger.version
        for symbol, position in self._index.items():
            self._quantities[position] = float(self._ledger.net_quantity(symbol))
        self._cash = float(self._ledger.balance(self._quote))
        self._value = float(self._ledger.quote_value(self._quote))

    def _append(self, at_ns: int) -> None:
        if self._count == self._times.shape[0]:
            self._times = np.concatenate([self._times, np.zeros_like(self._times)])
            self._rows = np.concatenate([self._rows, np.zeros_like(self._rows)], axis=1)
        self._times[self._count] = at_ns
        self._rows[:, self._count] = self._row[:, 0]
        self._count += 1
