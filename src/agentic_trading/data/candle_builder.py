"""Builds candles from smaller candles or from trades: one compiled step for history and live alike."""

import numpy as np

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, CorruptData
from agentic_trading.core.models import BoolArray, Candle, CandleColumns, FloatArray, IntArray
from agentic_trading.core.numerics import compiled

_EXPECTED, _PARTS, _BROKEN, _ALL_FILLED = range(4)
"""Slots of the integer state: next open time, parts gathered, stretch broken, all parts filled so far."""


def new_state() -> tuple[IntArray, FloatArray]:
    """State before the first candle: integers (4,) and the candle being gathered (5,)."""
    return np.array([-1, 0, 1, 0], dtype=np.int64), np.zeros(5)


@compiled
def advance(
    clock: IntArray, gathered: FloatArray, base_ns: int, target_ns: int,
    open_ns: IntArray, bars: FloatArray, filled: BoolArray, starts_here: BoolArray,
    out_ns: IntArray, out_bars: FloatArray, out_filled: BoolArray, out_starts: BoolArray,
    start: int, stop: int,
) -> int:  # fmt: skip
    """Gather rows ``start..stop`` of the base candles and write the higher candles they complete.

    ``clock``, ``gathered`` are the state of `new_state` and carry over, so any chunking gives the
    same bits. A higher candle is written when its last part is seen, never before, and only if every
    part was there. Returns how many were written, from position 0 of the ``out_*`` arrays.
    """
    # Variables of its own: what lies in arrays, which might overlap, is loaded and stored for every row.
    expected, parts, broken, all_filled = clock[_EXPECTED], clock[_PARTS], clock[_BROKEN], clock[_ALL_FILLED]
    first, high, low, last, volume = gathered[0], gathered[1], gathered[2], gathered[3], gathered[4]
    written = 0
    bucket = 0
    for row in range(start, stop):
        opened = open_ns[row]
        if not bucket <= opened < bucket + target_ns:
            bucket = opened - opened % target_ns
        if starts_here[row] or opened != expected:
            parts = 0
            broken = 1
        expected = opened + base_ns
        if opened == bucket:
            parts = 1
            all_filled = 1 if filled[row] else 0
            first, high, low = bars[0, row], bars[1, row], bars[2, row]
            last, volume = bars[3, row], bars[4, row]
        elif parts > 0:
            parts += 1
            if not filled[row]:
                all_filled = 0
            high = max(high, bars[1, row])
            low = min(low, bars[2, row])
            last = bars[3, row]
            volume += bars[4, row]
        else:
            broken = 1
        if parts * base_ns == target_ns:
            out_ns[written] = bucket
            out_bars[0, written], out_bars[1, written], out_bars[2, written] = first, high, low
            out_bars[3, written], out_bars[4, written] = last, volume
            out_filled[written] = all_filled == 1
            out_starts[written] = broken == 1
            parts = 0
            broken = 0
            written += 1
    clock[_EXPECTED], clock[_PARTS], clock[_BROKEN], clock[_ALL_FILLED] = expected, parts, broken, all_filled
    gathered[0], gathered[1], gathered[2], gathered[3], gathered[4] = first, high, low, last, volume
    return written


def require_multiple(base: Timeframe, target: Timeframe) -> None:
    """Raise ConfigError, naming both, unless whole ``target`` candles can be made of ``base`` ones."""
    if target.ns < base.ns:
        raise ConfigError(f"{target} candles cannot be built from {base} candles: {target} is finer")
    if target.ns % base.ns:
        raise ConfigError(f"{target} candles cannot be built from {base} candles: not a whole multiple")


def build(columns: CandleColumns, timeframe: Timeframe) -> CandleColumns:
    """Higher-timeframe candles, in buckets aligned to the UTC epoch.

    A bucket that lacks any of its parts (a gap, or the ragged ends of the data) is not made up: it is
    left out, and the next candle starts a new stretch. A candle counts as filled if all parts do.
    Volumes are added in time order. Raises ConfigError if ``timeframe`` is not a multiple.
    """
    require_multiple(columns.timeframe, timeframe)
    if timeframe is columns.timeframe:
        return columns
    rows = len(columns)
    starts_here = np.zeros(rows, dtype=np.bool_)
    starts_here[columns.starts] = True
    room = rows // (timeframe.ns // columns.timeframe.ns) + 1
    out_ns, out_bars = np.empty(room, dtype=np.int64), np.empty((5, room))
    out_filled, out_starts = np.empty(room, dtype=np.bool_), np.empty(room, dtype=np.bool_)
    count = advance(
        *new_state(), columns.timeframe.ns, timeframe.ns, columns.open_ns, columns.bars, columns.filled,
        starts_here, out_ns, out_bars, out_filled, out_starts, 0, rows,
    )  # fmt: skip
    return CandleColumns(
        symbol=columns.symbol,
        timeframe=timeframe,
        open_ns=out_ns[:count].copy(),
        bars=np.ascontiguousarray(out_bars[:, :count]),
        filled=out_filled[:count].copy(),
        starts=np.flatnonzero(out_starts[:count]).astype(np.int64),
    )


class CandleBuilder:
    """The same builder one candle at a time, for paper and live."""

    def __init__(self, symbol: str, base: Timeframe, timeframe: Timeframe) -> None:
        require_multiple(base, timeframe)
        self._symbol, self._base, self._timeframe = symbol, base, timeframe
        self._clock, self._gathered = new_state()
        self._in_ns, self._in_bars = np.empty(1, dtype=np.int64), np.empty((5, 1))
        self._in_filled, self._in_starts = np.empty(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_)
        self._out_ns, self._out_bars = np.empty(1, dtype=np.int64), np.empty((5, 1))
        self._out_filled, self._out_starts = np.empty(1, dtype=np.bool_), np.empty(1, dtype=np.bool_)

    @property
    def new_stretch(self) -> bool:
        """Whether the candle returned last began a new unbroken stretch."""
        return bool(self._out_starts[0])

    def push(self, candle: Candle) -> Candle | None:
        """Take the next closed base candle; return the higher candle it completes, if it does."""
        self._in_ns[0] = candle.open_ns
        self._in_bars[:, 0] = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        self._in_filled[0] = candle.filled
        completed = advance(
            self._clock, self._gathered, self._base.ns, self._timeframe.ns, self._in_ns, self._in_bars,
            self._in_filled, self._in_starts, self._out_ns, self._out_bars, self._out_filled,
            self._out_starts, 0, 1,
        )  # fmt: skip
        if not completed:
            return None
        opened = int(self._out_ns[0])
        open_, high, low, close, volume = (float(value) for value in self._out_bars[:, 0])
        return Candle(
            self._symbol, self._timeframe, opened, opened + self._timeframe.ns,
            open_, high, low, close, volume, bool(self._out_filled[0]),
        )  # fmt: skip


def fill_gaps(
    symbol: str, timeframe: Timeframe, open_ns: IntArray, bars: FloatArray, max_fill: int
) -> CandleColumns:
    """Columns in which the first ``max_fill`` candles of a gap are flat, and longer gaps break the stretch.

    ``open_ns`` (n,) is increasing and aligned, ``bars`` (5, n). A fill repeats the close before the
    gap, with volume 0 and ``filled`` set. It uses nothing from after the gap, not even its length: when
    the first candle fails to come nobody knows yet how long the gap will be.
    """
    rows = open_ns.shape[0]
    missing = np.diff(open_ns) // timeframe.ns - 1
    after_gap = np.flatnonzero(missing > max_fill) + 1
    stretches = np.concatenate((np.zeros(min(1, rows), dtype=np.int64), after_gap))
    to_fill = np.minimum(missing, max_fill)
    if not to_fill.any():
        return CandleColumns(symbol, timeframe, open_ns, bars, np.zeros(rows, dtype=np.bool_), stretches)
    copies = np.ones(rows, dtype=np.int64)
    copies[:-1] += to_fill
    source = np.repeat(np.arange(rows), copies)
    first_copy = np.cumsum(copies) - copies
    offset = np.arange(source.shape[0], dtype=np.int64) - first_copy[source]
    filled: BoolArray = offset > 0
    whole = np.take(bars, source, axis=1)
    whole[0:4, filled] = whole[3, filled]
    whole[4, filled] = 0.0
    times = open_ns[source] + offset * timeframe.ns
    return CandleColumns(symbol, timeframe, times, whole, filled, first_copy[stretches])


def from_trades(
    symbol: str,
    timestamp_ns: IntArray,
    price: FloatArray,
    quantity: FloatArray,
    timeframe: Timeframe,
    *,
    since_ns: int | None = None,
    until_ns: int | None = None,
    max_fill: int = 1,
) -> CandleColumns:
    """Candles of a tape of trades (all arrays (n,), in time order) that covers [``since_ns``, ``until_ns``).

    Only candles the tape covers wholly are made; without the bounds it covers what lies between its
    first and its last trade, so the first and last bucket are left out. Raises CorruptData if trades
    are out of order.
    """
    backwards = np.flatnonzero(np.diff(timestamp_ns) < 0)
    if backwards.size:
        raise CorruptData(f"trade {int(backwards[0]) + 2} of {symbol} is older than the trade before it")
    if not timestamp_ns.size:
        return fill_gaps(symbol, timeframe, timestamp_ns, np.empty((5, 0)), max_fill)
    since = int(timestamp_ns[0]) if since_ns is None else since_ns
    until = int(timestamp_ns[-1]) if until_ns is None else until_ns
    first_open = -(-since // timeframe.ns) * timeframe.ns
    end = until - until % timeframe.ns
    low, high = np.searchsorted(timestamp_ns, (first_open, end))
    times, prices, amounts = timestamp_ns[low:high], price[low:high], quantity[low:high]
    out_ns, out_bars = np.empty(times.shape[0], dtype=np.int64), np.empty((5, times.shape[0]))
    count = _gather_trades(times, prices, amounts, timeframe.ns, out_ns, out_bars)
    bars = np.ascontiguousarray(out_bars[:, :count])
    return fill_gaps(symbol, timeframe, out_ns[:count].copy(), bars, max_fill)


@compiled
def _gather_trades(
    times: IntArray,
    prices: FloatArray,
    amounts: FloatArray,
    length_ns: int,
    out_ns: IntArray,
    out_bars: FloatArray,
) -> int:
    last = -1
    for row in range(times.shape[0]):
        bucket = times[row] - times[row] % length_ns
        if last < 0 or out_ns[last] != bucket:
            last += 1
            out_ns[last] = bucket
            for field in range(4):
                out_bars[field, last] = prices[row]
            out_bars[4, last] = amounts[row]
        else:
            out_bars[1, last] = max(out_bars[1, last], prices[row])
            out_bars[2, last] = min(out_bars[2, last], prices[row])
            out_bars[3, last] = prices[row]
            out_bars[4, last] += amounts[row]
    return last + 1
