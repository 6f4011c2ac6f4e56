"""The candles of all symbols on one time axis: which of them close at which instant, and at what price."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from agentic_trading.core.enums import DAY_NS, Timeframe
from agentic_trading.core.equity import DAY_AFTER, DAY_BEFORE, ByteArray
from agentic_trading.core.models import (
    CLOSE,
    HIGH,
    LOW,
    Candle,
    CandleColumns,
    CandleRows,
    FloatArray,
    IntArray,
    plain,
)
from agentic_trading.core.numerics import compiled


class Gap(msgspec.Struct, frozen=True):
    """Candles missing before a row of the timeline."""

    symbol: str
    missing: int


class Timeline(msgspec.Struct, frozen=True, eq=False):
    """Close times of base candles over all symbols, ascending.

    ``close_ns`` has shape (n,). ``rows`` holds per symbol its own row (n,) at each instant, -1 where it
    has no candle then, or None where it has one at every instant. ``gaps`` lists, by row of the
    timeline, where a stretch begins anew. ``closes`` (symbols, n) carries the last close forward, NaN before
    the first; ``day_edges`` (n,) as in `core.equity.mark_rows`.
    """

    timeframe: Timeframe
    symbols: tuple[str, ...]
    columns: tuple[CandleColumns, ...]
    close_ns: IntArray
    rows: tuple[IntArray | None, ...]
    gaps: Mapping[int, Sequence[Gap]]
    closes: FloatArray
    day_edges: ByteArray

    def __len__(self) -> int:
        return int(self.close_ns.shape[0])

    def last_close(self, symbol: str, known_ns: int) -> float | None:
        """The close of the last candle of a symbol that closed by ``known_ns``; None before the first."""
        position = self.symbols.index(symbol)
        at = self._last_own_row(position, known_ns)
        return float(self.columns[position].bars[CLOSE, at]) if at >= 0 else None

    def closed_ns(self, row: int) -> list[int]:
        """When the last candle of each symbol closed by the instant of a row; 0 before its first."""
        at_ns = int(self.close_ns[row])
        closed = []
        for position, columns in enumerate(self.columns):
            at = row if self.rows[position] is None else self._last_own_row(position, at_ns)
            closed.append(int(columns.open_ns[at]) + self.timeframe.ns if at >= 0 else 0)
        return closed

    def own_rows(self, position: int, start: int, stop: int) -> tuple[int, int]:
        """The range of a symbol's own rows that lie in the rows ``start..stop`` of the timeline."""
        if self.rows[position] is None or start >= stop:
            return start, stop
        opens = self.columns[position].open_ns
        since_ns, until_ns = self.close_ns[start] - self.timeframe.ns, self.close_ns[stop - 1]
        return int(np.searchsorted(opens, since_ns)), int(np.searchsorted(opens, until_ns))

    def row_of(self, position: int, own: int) -> int:
        """The row of the timeline at which a symbol's own row closes."""
        if self.rows[position] is None:
            return own
        close_ns = self.columns[position].open_ns[own] + self.timeframe.ns
        return int(np.searchsorted(self.close_ns, close_ns))

    def _last_own_row(self, position: int, known_ns: int) -> int:
        opens = self.columns[position].open_ns
        return int(np.searchsorted(opens, known_ns - self.timeframe.ns, side="right")) - 1


def build_timeline(columns: Sequence[CandleColumns]) -> Timeline:
    """Merge the base candles of several symbols; all must have the same timeframe and at least a row."""
    timeframes = {each.timeframe for each in columns}
    if len(timeframes) != 1:
        raise ValueError(f"one base timeframe is needed, not {sorted(timeframes)}")
    closes = [each.close_ns for each in columns]
    axis = closes[0]
    if any(not np.array_equal(axis, other) for other in closes[1:]):
        axis = np.unique(np.concatenate(closes))
    rows: list[IntArray | None] = []
    gaps: dict[int, list[Gap]] = {}
    for each, close_ns in zip(columns, closes, strict=True):
        rows.append(None if close_ns.shape == axis.shape else _rows_on(axis, close_ns))
        for start in each.starts.tolist():
            if start > 0:
                missing = (close_ns[start] - close_ns[start - 1]) // each.timeframe.ns - 1
                at = int(np.searchsorted(axis, close_ns[start]))
                gaps.setdefault(at, []).append(Gap(each.symbol, int(missing)))
    symbols = tuple(each.symbol for each in columns)
    prices = _closes(columns, rows, axis.shape[0])
    return Timeline(
        columns[0].timeframe, symbols, tuple(columns), axis, tuple(rows), gaps, prices, day_edges(axis)
    )


def _rows_on(axis: IntArray, close_ns: IntArray) -> IntArray:
    own = np.searchsorted(close_ns, axis)
    own[own == close_ns.shape[0]] = 0
    return np.where(close_ns[own] == axis, own, -1)


class CandleReader:
    """Hands out the candles of a row, each made when it is asked for."""

    def __init__(self, timeline: Timeline) -> None:
        self._of = {
            columns.symbol: _reader(columns, rows)
            for columns, rows in zip(timeline.columns, timeline.rows, strict=True)
        }

    def reader(self, symbol: str) -> Callable[[int], Candle | None]:
        """Gives the candle of one symbol that closes at a row; None where there is none."""
        return self._of[symbol]

    def of(self, symbols: Sequence[str], row: int) -> tuple[Candle, ...]:
        """The candles of some symbols that close at a row, in the order of ``symbols``."""
        if len(symbols) == 1:  # the most frequent question by far
            candle = self._of[symbols[0]](row)
            return () if candle is None else (candle,)
        found = []
        for symbol in symbols:
            candle = self._of[symbol](row)
            if candle is not None:
                found.append(candle)
        return tuple(found)


def _reader(columns: CandleColumns, rows: IntArray | None) -> Callable[[int], Candle | None]:
    candle_at = CandleRows(columns).at
    if rows is None:
        return candle_at
    own_rows = plain(rows)

    def found(row: int) -> Candle | None:
        own = own_rows[row]
        return candle_at(own) if own >= 0 else None

    return found


class DetailReader:
    """Makes the finer candles of one symbol that lie within a coarser one."""

    def __init__(self, columns: CandleColumns) -> None:
        self._opens = plain(columns.open_ns)
        self._candles = CandleRows(columns)

    def within(self, candle: Candle) -> tuple[Candle, ...]:
        """The finer candles from the open to the close of a candle, where all of its time is known."""
        if candle.filled:
            return ()
        first, stop = bisect_left(self._opens, candle.open_ns), bisect_left(self._opens, candle.close_ns)
        found = tuple(map(self._candles.at, range(first, stop)))
        length = sum(finer.close_ns - finer.open_ns for finer in found)
        return found if length == candle.close_ns - candle.open_ns else ()


Ranges = tuple[FloatArray, FloatArray]
"""Highs and lows."""


class MarketRows:
    """The timeline's prices for compiled functions: marks by row, and what the candles in between reached.

    What orders meet in a row may reach further than its own candle: ``reach`` has highs and lows (n,) by
    symbol for that, ``marks`` those of the mark prices; both by the symbol's own rows.
    """

    def __init__(
        self, timeline: Timeline, reach: Mapping[str, Ranges] | None = None,
        marks: Mapping[str, Ranges] | None = None,
    ) -> None:  # fmt: skip
        self.timeline = timeline
        self.times = timeline.close_ns
        self.closes = timeline.closes
        self.day_edges = timeline.day_edges
        self._ranges = {
            columns.symbol: (position, columns.bars[HIGH], columns.bars[LOW])
            for position, columns in enumerate(timeline.columns)
        }
        traded = {columns.symbol: (columns.bars[HIGH], columns.bars[LOW]) for columns in timeline.columns}
        self._reach = traded | dict(reach or {})
        self._marks = self._reach | dict(marks or {})

    def extremes(self, symbol: str, start: int, stop: int) -> tuple[float, float]:
        """Highest high and lowest low of a symbol in rows ``start..stop``; neutral if it has no candle."""
        position, highs, lows = self._ranges[symbol]
        high, low = extremes(highs, lows, *self.timeline.own_rows(position, start, stop))
        return high, low

    def first_touch(self, symbol: str, down: float, up: float, start: int, stop: int) -> int:
        """First row in ``start..stop`` whose low reaches ``down`` or whose high ``up``, else ``stop``."""
        return self._first_touch(symbol, self._reach[symbol], down, up, start, stop)

    def first_mark_touch(self, symbol: str, down: float, up: float, start: int, stop: int) -> int:
        """The same for mark prices."""
        return self._first_touch(symbol, self._marks[symbol], down, up, start, stop)

    def _first_touch(self, symbol: str, ranges: Ranges, down: float, up: float, start: int, stop: int) -> int:
        position, (highs, lows) = self._ranges[symbol][0], ranges
        touched: int
        if self.timeline.rows[position] is None:
            touched = first_touch(highs, lows, down, up, start, stop)
            return touched
        first, last = self.timeline.own_rows(position, start, stop)
        touched = first_touch(highs, lows, down, up, first, last)
        return self.timeline.row_of(position, touched) if touched < last else stop


def _closes(columns: Sequence[CandleColumns], rows: Sequence[IntArray | None], count: int) -> FloatArray:
    if len(columns) == 1:
        return columns[0].bars[CLOSE : CLOSE + 1]
    closes = np.empty((len(columns), count))
    for position, (each, own) in enumerate(zip(columns, rows, strict=True)):
        if own is None:
            closes[position] = each.bars[CLOSE]
            continue
        last: npt.NDArray[np.intp] = np.maximum.accumulate(own)
        closes[position] = np.where(last >= 0, each.bars[CLOSE, last], np.nan)
    return closes


def day_edges(close_ns: IntArray) -> ByteArray:
    """The UTC days that begin at or before each close (n,), as in `core.equity.mark_rows`.

    A close at midnight ends its day; a later first close of a day finds it begun before.
    """
    edges = np.zeros(close_ns.shape[0], dtype=np.int8)
    if close_ns.shape[0]:
        midnights = np.arange(close_ns[0] // DAY_NS, close_ns[-1] // DAY_NS + 1) * DAY_NS
        midnights = midnights[midnights >= close_ns[0]]
        rows = np.searchsorted(close_ns, midnights)
        exact = close_ns[rows] == midnights
        edges[rows[exact]] |= DAY_AFTER
        edges[rows[~exact]] |= DAY_BEFORE
    return edges


@compiled
def first_touch(highs: FloatArray, lows: FloatArray, down: float, up: float, start: int, stop: int) -> int:
    """First row in ``start..stop`` whose low reaches ``down`` or whose high reaches ``up``, else ``stop``."""
    for row in range(start, stop):
        if lows[row] <= down or highs[row] >= up:
            return row
    return stop


@compiled
def extremes(highs: FloatArray, lows: FloatArray, start: int, stop: int) -> tuple[float, float]:
    """Highest high and lowest low of the rows ``start..stop``; minus and plus infinity of none."""
    high = -np.inf
    low = np.inf
    for row in range(start, stop):
        high = max(high, highs[row])
        low = min(low, lows[row])
    return high, low
