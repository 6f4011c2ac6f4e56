"""Marks and the equity curve: what the account is worth at every candle close."""

from array import array
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from agentic_trading.core.equity import (
    CASH,
    DAY_LOSS,
    DAY_START,
    DROP,
    GROSS,
    LAST,
    NET,
    NO_LIMITS,
    ByteArray,
    mark_rows,
    new_levels,
)
from agentic_trading.core.events import Bankrupt, CandlesClosed, DayStarted, Event
from agentic_trading.core.models import FloatArray, IntArray, plain
from agentic_trading.portfolio.ledger import Ledger

Marking = Callable[..., int]
"""`core.equity.mark_rows`, or what takes the same and does as much."""
_BLOCK = 4096
_HUGE_PAGE = 2**21
"""Bytes, on most processors; numpy asks the system for such pages where an array is large."""


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


class _Times:
    """Times in their order; what another axis has already is not copied."""

    def __init__(self) -> None:
        self._pieces: list[tuple[Sequence[int] | IntArray, int, int]] = []
        """Axes and the ranges of them that follow each other."""
        self._own = array("q")

    def add(self, at_ns: int) -> None:
        """One time of which nobody has an axis."""
        self._own.append(at_ns)
        self.follow(self._own, len(self._own) - 1, len(self._own))

    def follow(self, axis: Sequence[int] | IntArray, start: int, stop: int) -> None:
        """Those of an axis from ``start`` to ``stop``."""
        if self._pieces and self._pieces[-1][0] is axis and self._pieces[-1][2] == start:
            start = self._pieces.pop()[1]
        self._pieces.append((axis, start, stop))

    def whole(self) -> IntArray:
        """All of them (n,); a view where they are of one axis."""
        parts = [np.asarray(axis[start:stop], dtype=np.int64) for axis, start, stop in self._pieces]
        return parts[0] if len(parts) == 1 else np.concatenate([*parts, np.zeros(0, dtype=np.int64)])


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
        self._last = dict.fromkeys(symbols, float("nan"))
        self._marked_ns = dict.fromkeys(symbols, 0)
        self._prices = np.full((len(symbols), 1), np.nan)
        self._row: Any = self._prices[:, 0].data
        self._quantities = np.zeros(len(symbols))
        self._held: Any = self._quantities.data
        self._posted = ledger.posted
        self._read = 0  # how many of them
        self._cash = self._value = 0.0
        self._refresh()
        self._levels = new_levels(self._value)
        self._level = self._levels.data
        self.losses: Sequence[float] = plain(self._levels[DROP:])
        """`drawdown_ratio` and `day_loss_ratio`, kept up to date."""
        self._capacity = capacity
        self._times = _Times()
        self._rows = _zeros(5, capacity)
        self._count = 0
        self._marked_until_ns = 0
        self._market: UnseenMarket | None = None
        self._unseen = self._until = 0

    def react(self, event: CandlesClosed | DayStarted) -> Iterable[Event]:
        if isinstance(event, DayStarted):
            self._levels[DAY_START] = equity = self.equity
            self._levels[DAY_LOSS] = 0.0 if equity > 0.0 else float("nan")
            return ()
        at_ns = event.at_ns
        marked = at_ns == self._marked_until_ns
        if not marked and self._market is not None:
            self._catch_up()
        for candle in event.candles:
            symbol = candle.symbol
            self._row[self._index[symbol]] = self._last[symbol] = candle.close
            self._marked_ns[symbol] = candle.close_ns
        if not marked:
            self._mark(self._prices, _NO_EDGE, NO_LIMITS, 0, 1)
            self._times.add(at_ns)
            self._marked_until_ns = at_ns
        equity = self._level[LAST]
        return (Bankrupt(at_ns, equity),) if equity <= 0.0 else ()

    def skip(
        self,
        market: UnseenMarket,
        limits: FloatArray,
        start: int,
        stop: int,
        *,
        day_ends: bool = True,
        marking: Marking = mark_rows,
        more: Sequence[object] = (),
    ) -> int:
        """Mark rows ``start..stop`` that nobody looks at; returns the first row that needs a look.

        ``limits`` and ``day_ends`` as in `core.equity.mark_rows`. ``marking`` may do more than that between
        the rows, with ``more`` arguments: change what is held, if the ledger is told afterwards.
        """
        reached = self._mark(market.closes, market.day_edges, limits, start, stop, day_ends, marking, more)
        if reached > start:
            if self._market is None:
                self._market, self._unseen = market, start
            self._until = reached
            self._marked_until_ns = market.times.item(reached - 1)
        return reached

    def look(self, market: UnseenMarket, row: int) -> None:
        """Mark a row of which `react` will only hear that its candles closed; its day ends after that."""
        self.skip(market, NO_LIMITS, row, row + 1, day_ends=False)

    @property
    def equity(self) -> float:
        """Value of the account at the last close, in quote currency."""
        return self._level[LAST]

    @property
    def cash(self) -> float:
        return self._at_last_close(CASH) if self._count else self._cash

    @property
    def gross_exposure(self) -> float:
        return self._at_last_close(GROSS) if self._count else 0.0

    @property
    def net_exposure(self) -> float:
        return self._at_last_close(NET) if self._count else 0.0

    @property
    def drawdown_ratio(self) -> float:
        """How far equity is below its peak, as a ratio of the peak."""
        return self._level[DROP]

    @property
    def day_loss_ratio(self) -> float:
        """Loss since the equity at the start of this UTC day, as a ratio of it; negative in profit.

        NaN, which is refused as unknown, if there is no such start.
        """
        return self._level[DAY_LOSS]

    def price(self, symbol: str) -> float:
        """Last closed price; NaN before the first candle."""
        if self._marked_ns[symbol] != self._marked_until_ns:
            self._catch_up()
        return self._last[symbol]

    def marked_ns(self, symbol: str) -> int:
        """Close time of the last candle; 0 before the first."""
        if self._marked_ns[symbol] != self._marked_until_ns:
            self._catch_up()
        return self._marked_ns[symbol]

    def rows(self) -> tuple[IntArray, FloatArray]:
        """Times (n,) and the matrix (5, n): equity, cash, gross, net exposure, drawdown; not copies."""
        self._catch_up()
        return self._times.whole(), self._rows[:, : self._count]

    def _catch_up(self) -> None:
        """Take over times and last closes of the rows that were skipped: the first who asks needs them."""
        market, since, until = self._market, self._unseen, self._until
        if market is None:
            return
        self._market = None
        self._times.follow(market.times, since, until)
        since_ns = int(market.times[since])
        closed = zip(market.closes[:, until - 1].tolist(), market.timeline.closed_ns(until - 1), strict=True)
        for (symbol, position), (close, close_ns) in zip(self._index.items(), closed, strict=True):
            if close_ns >= since_ns:
                self._row[position] = self._last[symbol] = close
                self._marked_ns[symbol] = close_ns

    def _mark(
        self,
        prices: FloatArray,
        day_edges: ByteArray,
        limits: FloatArray,
        start: int,
        stop: int,
        day_ends: bool = False,
        marking: Marking = mark_rows,
        more: Sequence[object] = (),
    ) -> int:
        if len(self._posted) != self._read:
            self._refresh()
        if self._count + stop - start > self._capacity:
            self._make_room(stop - start)
        reached = marking(
            self._levels, self._quantities, self._value, self._cash, prices, day_edges, limits,
            self._rows, self._count, start, stop, day_ends, *more,
        )  # fmt: skip
        self._count += reached - start
        return reached

    def _at_last_close(self, what: int) -> float:
        return float(self._rows[what, self._count - 1])

    def _refresh(self) -> None:
        """Take over the ledger's exact numbers as floats, of the symbols of what was posted since."""
        ledger = self._ledger
        posted = self._posted
        for symbol in dict.fromkeys(posted[self._read :]):
            self._held[self._index[symbol]] = float(ledger.net_quantity(symbol))
        self._read = len(posted)
        cash, value = ledger.balance(self._quote), ledger.quote_value(self._quote)
        self._cash = float(cash)
        self._value = self._cash if value == cash else float(value)

    def _make_room(self, rows: int) -> None:
        more = max(self._count + rows - self._capacity, self._capacity)
        self._capacity += more
        self._rows = np.concatenate([self._rows, np.zeros((5, more))], axis=1)


def _zeros(rows: int, count: int) -> FloatArray:
    """A matrix on huge pages that it shares with nothing: its memory comes in few and large pieces.

    What lies before and after it is never touched, and so takes none.
    """
    page, size = _HUGE_PAGE // 8, rows * count
    if size < page:
        return np.zeros((rows, count))
    room = np.zeros(size + 2 * page)
    start = -room.ctypes.data % _HUGE_PAGE // 8
    return room[start : start + size].reshape(rows, count)
