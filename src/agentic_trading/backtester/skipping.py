"""Next-event time advance: which row of the timeline must be looked at next, and marking those before.

A row is looked at if a strategy could act on it, if the venue could do something in it, if a limit on
losses is crossed at it, or if anything else is due. Every row in between is marked by the one equity
function, so the curve is complete; the rows that are looked at go through the same bus as ever. Looking
at more rows than needed changes nothing, so all conditions here are supersets.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

import msgspec
import numpy as np

from agentic_trading.backtester.timeline import Timeline
from agentic_trading.backtester.wake import NEVER, Watch, next_trigger
from agentic_trading.core.enums import DAY_NS, Posture
from agentic_trading.core.equity import DAY_AFTER, DAY_BEFORE, ByteArray
from agentic_trading.core.models import CLOSE, HIGH, LOW, FloatArray, IntArray
from agentic_trading.core.numerics import compiled
from agentic_trading.simulation.resting import Waits


class MarketRows(msgspec.Struct, frozen=True, eq=False):
    """The timeline's prices by row and symbol (in the order of ``symbols``), for compiled functions.

    ``closes`` (n, symbols) carries the last close forward, ``marked_ns`` (n, symbols) says when that was
    (0 before the first); ``highs`` and ``lows`` are NaN where a symbol has no candle. ``day_edges`` (n,)
    as in `core.equity.mark_rows`.
    """

    symbols: tuple[str, ...]
    times: IntArray
    closes: FloatArray
    marked_ns: IntArray
    highs: FloatArray
    lows: FloatArray
    day_edges: ByteArray

    def extremes(self, symbol: str, start: int, stop: int) -> tuple[float, float]:
        """Highest high and lowest low of a symbol in rows ``start..stop``; neutral if it has no candle."""
        position = self.symbols.index(symbol)
        high = np.fmax.reduce(self.highs[start:stop, position], initial=-np.inf)
        low = np.fmin.reduce(self.lows[start:stop, position], initial=np.inf)
        return float(high), float(low)


class SkippingVenue(Protocol):
    """The venue, as far as skipping must know it."""

    def waits(self) -> Waits: ...


class SkippingCore(Protocol):
    """The deciding core, as far as skipping must know it."""

    def posture(self, strategy: str, symbol: str) -> Posture: ...

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        """Mark rows that nobody looks at; returns the first that needs a look."""
        ...

    def note(self, symbol: str, close: float, close_ns: int) -> None:
        """Take note of a symbol's last close in skipped rows: what comes next may ask before its candle."""
        ...

    @property
    def waits_for_day(self) -> bool: ...


def market_rows(timeline: Timeline) -> MarketRows:
    """Lay the candles of all symbols onto the rows of the timeline."""
    count, symbols = len(timeline), len(timeline.symbols)
    closes, highs, lows = (np.full((count, symbols), np.nan) for _ in range(3))
    marked_ns = np.zeros((count, symbols), dtype=np.int64)
    for position, columns in enumerate(timeline.columns):
        rows = timeline.rows[:, position]
        there = np.flatnonzero(rows >= 0)
        own = rows[there]
        highs[there, position] = columns.bars[HIGH, own]
        lows[there, position] = columns.bars[LOW, own]
        last = np.searchsorted(columns.close_ns, timeline.close_ns, side="right") - 1
        known = last >= 0
        closes[known, position] = columns.bars[CLOSE, last[known]]
        marked_ns[known, position] = columns.close_ns[last[known]]
    edges = _day_edges(timeline.close_ns)
    return MarketRows(timeline.symbols, timeline.close_ns, closes, marked_ns, highs, lows, edges)


def _day_edges(close_ns: IntArray) -> ByteArray:
    """A close at midnight ends its day; a later first close of a day finds it begun before."""
    edges = np.zeros(close_ns.shape[0], dtype=np.int8)
    edges[close_ns % DAY_NS == 0] |= DAY_AFTER
    day_of_candle = (close_ns[1:] - 1) // DAY_NS
    edges[1:][day_of_candle > close_ns[:-1] // DAY_NS] |= DAY_BEFORE
    return edges


@compiled
def first_touch(
    highs: FloatArray, lows: FloatArray, down: FloatArray, up: FloatArray, start: int, stop: int
) -> int:
    """First row in ``start..stop`` whose low reaches ``down`` or whose high reaches ``up``, else ``stop``."""
    for row in range(start, stop):
        for symbol in range(down.shape[0]):
            if lows[row, symbol] <= down[symbol] or highs[row, symbol] >= up[symbol]:
                return row
    return stop


class Skipper:
    """Finds the next row to look at and marks the rows before it."""

    def __init__(
        self, timeline: Timeline, watches: Sequence[Watch], core: SkippingCore, venue: SkippingVenue
    ) -> None:
        self._timeline = timeline
        self._market = market_rows(timeline)
        self._watches = watches
        self._core = core
        self._venue = venue
        self._index = {symbol: position for position, symbol in enumerate(timeline.symbols)}
        self._gaps = sorted(timeline.gaps)
        self._edges = np.flatnonzero(self._market.day_edges)

    def advance(self, row: int, due: Callable[[bool], int | None]) -> int:
        """Mark from ``row`` on up to the next row that must be looked at, and return it.

        ``due`` gives the time of the next alarm or, if asked for with True, funding stamp. Returns the
        length of the timeline if nothing is left to look at.
        """
        waits = self._venue.waits()
        stop = min(
            len(self._timeline),
            next_trigger(self._watches, self._core.posture, row),
            _following(self._gaps, row),
        )
        for at_ns in (waits.arrival_ns, due(waits.holding)):
            if at_ns is not None and stop > row:
                stop = min(stop, self._row_of(at_ns, row))
        if waits.at_market or (self._core.waits_for_day and self._next_edge(row) <= row):
            return row
        if self._core.waits_for_day:
            stop = min(stop, self._next_edge(row))
        if stop > row and waits.levels:
            stop = self._touched(waits.levels, row, stop)
        if stop == row:
            return row
        reached = self._core.skip(self._market, row, stop)
        if reached > row:
            self._note_closes(row, reached)
        return reached

    def _note_closes(self, start: int, reached: int) -> None:
        """Tell the last closes in skipped rows: the venue may report before the next candles come."""
        market, since_ns = self._market, int(self._market.times[start])
        last = reached - 1
        for symbol, close, at_ns in zip(
            market.symbols, market.closes[last].tolist(), market.marked_ns[last].tolist(), strict=True
        ):
            if at_ns >= since_ns:
                self._core.note(symbol, close, at_ns)

    def _row_of(self, at_ns: int, row: int) -> int:
        """The row at which something due at ``at_ns`` is looked at: the first that closes then or later."""
        return max(row, int(np.searchsorted(self._market.times, at_ns)))

    def _next_edge(self, row: int) -> int:
        at = int(np.searchsorted(self._edges, row))
        return int(self._edges[at]) if at < len(self._edges) else NEVER

    def _touched(self, levels: Mapping[str, tuple[float, float]], row: int, stop: int) -> int:
        down = np.full(len(self._index), -np.inf)
        up = np.full(len(self._index), np.inf)
        for symbol, (low, high) in levels.items():
            down[self._index[symbol]], up[self._index[symbol]] = low, high
        touched: int = first_touch(self._market.highs, self._market.lows, down, up, row, stop)
        return touched


def _following(rows: Sequence[int], row: int) -> int:
    at = bisect_left(rows, row)
    return rows[at] if at < len(rows) else NEVER
