"""The candles of all symbols on one time axis: which of them close at which instant."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import (
    CLOSE,
    Candle,
    CandleColumns,
    IntArray,
    block_size,
    candle_at,
)

_FEW = 4
"""Up to so many rows are quicker read one by one than as a block."""


class Gap(msgspec.Struct, frozen=True):
    """Candles missing before a row of the timeline."""

    symbol: str
    missing: int


class Timeline(msgspec.Struct, frozen=True, eq=False):
    """Close times of base candles over all symbols, ascending.

    ``close_ns`` has shape (n,). ``rows`` (n, symbols) holds each symbol's own row, -1 where it has no
    candle at that instant. ``gaps`` lists, by row of the timeline, where a stretch begins anew.
    """

    timeframe: Timeframe
    symbols: tuple[str, ...]
    columns: tuple[CandleColumns, ...]
    close_ns: IntArray
    rows: IntArray
    gaps: Mapping[int, Sequence[Gap]]

    def __len__(self) -> int:
        return int(self.close_ns.shape[0])

    def last_close(self, symbol: str, known_ns: int) -> float | None:
        """The close of the last candle of a symbol that closed by ``known_ns``; None before the first."""
        columns = self.columns[self.symbols.index(symbol)]
        at = int(np.searchsorted(columns.close_ns, known_ns, side="right")) - 1
        return float(columns.bars[CLOSE, at]) if at >= 0 else None


def build_timeline(columns: Sequence[CandleColumns]) -> Timeline:
    """Merge the base candles of several symbols; all must have the same timeframe and at least a row."""
    timeframes = {each.timeframe for each in columns}
    if len(timeframes) != 1:
        raise ValueError(f"one base timeframe is needed, not {sorted(timeframes)}")
    closes = [each.close_ns for each in columns]
    axis = closes[0]
    if any(not np.array_equal(axis, other) for other in closes[1:]):
        axis = np.unique(np.concatenate(closes))
    rows = np.empty((axis.shape[0], len(columns)), dtype=np.int64)
    gaps: dict[int, list[Gap]] = {}
    for position, (each, close_ns) in enumerate(zip(columns, closes, strict=True)):
        own = np.searchsorted(close_ns, axis)
        own[own == close_ns.shape[0]] = 0
        rows[:, position] = np.where(close_ns[own] == axis, own, -1)
        for start in each.starts.tolist():
            if start > 0:
                missing = (close_ns[start] - close_ns[start - 1]) // each.timeframe.ns - 1
                at = int(np.searchsorted(axis, close_ns[start]))
                gaps.setdefault(at, []).append(Gap(each.symbol, int(missing)))
    return Timeline(
        columns[0].timeframe, tuple(each.symbol for each in columns), tuple(columns), axis, rows, gaps
    )


class CandleReader:
    """Hands out the candles of a row: a block at a time while rows follow each other, else one by one."""

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._first = self._last = 0
        self._previous = -2
        self._block: list[list[Candle | None]] = []

    def at(self, row: int) -> tuple[Candle, ...]:
        """All candles that close at a row of the timeline, in symbol order."""
        if not self._first <= row < self._last:
            size = block_size(self._last - self._first, following=row == self._previous + 1)
            self._load(row, min(row + size, len(self._timeline)))
        self._previous = row
        at = row - self._first
        return tuple([candle for candles in self._block if (candle := candles[at]) is not None])

    def _load(self, first: int, last: int) -> None:
        self._first, self._last = first, last
        self._block = [
            _candles(columns, self._timeline.rows[first:last, position])
            for position, columns in enumerate(self._timeline.columns)
        ]


def _candles(columns: CandleColumns, rows: IntArray) -> list[Candle | None]:
    if rows.shape[0] <= _FEW:
        return [candle_at(columns, row) if row >= 0 else None for row in rows.tolist()]
    present = rows >= 0
    wanted = rows[present]
    opens = columns.open_ns[wanted].tolist()
    bars = columns.bars[:, wanted].tolist()
    filled = columns.filled[wanted].tolist()
    symbol, timeframe, length = columns.symbol, columns.timeframe, columns.timeframe.ns
    candles = [
        Candle(symbol, timeframe, at, at + length, *prices_volume_filled)
        for at, *prices_volume_filled in zip(opens, *bars, filled, strict=True)
    ]
    if len(candles) == rows.shape[0]:
        return list(candles)
    each = iter(candles)
    return [next(each) if there else None for there in present.tolist()]
