"""Features of a replay: the rows of the feature tables, handed out as their candles close."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from agentic_trading.core.enums import REGIMES, Timeframe
from agentic_trading.core.events import CandlesClosed, Event, FeatureVector
from agentic_trading.core.models import Candle, CandleColumns, block_size, candle_at
from agentic_trading.features.table import Table


class _Reader:
    """Reads a table: a block at a time while rows follow each other, else one by one."""

    def __init__(self, candles: CandleColumns, table: Table) -> None:
        self.candles = candles
        self.table = table
        self.close_ns = candles.close_ns
        self.row = -1
        self._timeframe = candles.timeframe
        self._columns = table.columns
        self._first = self._last = 0
        self._previous = -2

    def seek(self, at_ns: int) -> bool:
        """Move to the row that closes at ``at_ns``; False if none does."""
        following = self.row + 1
        if following < len(self.close_ns) and self.close_ns[following] == at_ns:
            self.row = following
            return True
        position = int(np.searchsorted(self.close_ns, at_ns))
        if position < len(self.close_ns) and self.close_ns[position] == at_ns:
            self.row = position
            return True
        return False

    def vector(self, closed: Candle | None) -> FeatureVector | None:
        """The vector of the current row; None until all declared features are warm.

        ``closed`` is the symbol's base candle of this instant: the row's own if the timeframe is the base.
        """
        if not self._first <= self.row < self._last:
            size = block_size(self._last - self._first, following=self.row == self._previous + 1)
            self._load(self.row + size)
        self._previous = self.row
        at = self.row - self._first
        if not self._warm[at]:
            return None
        return FeatureVector(
            self.candles.symbol,
            self._timeframe,
            self._closes[at],
            closed
            if closed is not None and closed.timeframe is self._timeframe
            else candle_at(self.candles, self.row),
            self._columns,
            self._values[at],
            REGIMES[self._codes[at]],
            self._posteriors[at],
            self._stale[at],
        )

    def _load(self, last: int) -> None:
        table = self.table
        self._first, self._last = self.row, min(last, len(self.close_ns))
        if self._last == self._first + 1:
            self._load_one(table, self.row)
            return
        rows = slice(self._first, self._last)
        self._warm = table.warm[rows].tolist()
        self._stale = table.stale[rows].tolist()
        self._codes = table.regime[rows].astype(np.int64).tolist()
        self._posteriors = list(map(tuple, table.posterior[:, rows].T.tolist()))
        self._values = table.values[:, rows].T.tolist()
        self._closes = self.close_ns[rows].tolist()

    def _load_one(self, table: Table, row: int) -> None:
        self._warm = [bool(table.warm[row])]
        self._stale = [bool(table.stale[row])]
        self._codes = [int(table.regime[row])]
        self._posteriors = [tuple(table.posterior[:, row].tolist())]
        self._values = [table.values[:, row].tolist()]
        self._closes = [int(self.close_ns[row])]


class TableFeatures:
    """Agent ``features`` of a replay: emits a vector for every (timeframe, symbol) row that closes.

    Same events, same order, same bits as `features.engine.FeatureEngine` computes live.
    """

    name = "features"
    reads: tuple[str, ...] = ()
    emits = (FeatureVector,)

    def __init__(self, tables: Mapping[tuple[Timeframe, str], tuple[CandleColumns, Table]]) -> None:
        """Tables by (timeframe, symbol) with the candles of their rows."""
        self._readers = {key: _Reader(*tables[key]) for key in tables}
        frames = sorted({timeframe for timeframe, _ in tables}, key=lambda frame: frame.ns)
        self._groups = [
            (frame.ns, [self._readers[key] for key in sorted(tables, key=_symbol) if key[0] is frame])
            for frame in frames
        ]

    def react(self, event: CandlesClosed) -> Iterable[Event]:
        at_ns = event.at_ns
        vectors = []
        for length, readers in self._groups:
            if at_ns % length:
                continue
            closed = {candle.symbol: candle for candle in event.candles}
            for reader in readers:
                if reader.seek(at_ns):
                    vector = reader.vector(closed.get(reader.candles.symbol))
                    if vector is not None:
                        vectors.append(vector)
        return vectors

    def last_candles(self, symbol: str, timeframe: Timeframe, count: int) -> Sequence[Candle]:
        """The last ``count`` closed candles up to the current row, oldest first."""
        reader = self._readers[(timeframe, symbol)]
        return [
            candle_at(reader.candles, row) for row in range(max(0, reader.row + 1 - count), reader.row + 1)
        ]


def _symbol(key: tuple[Timeframe, str]) -> str:
    return key[1]
