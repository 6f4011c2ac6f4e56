"""Features of a replay: the rows of the feature tables, handed out as their candles close."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from agentic_trading.core.enums import REGIMES, Timeframe
from agentic_trading.core.events import CandlesClosed, Event, FeatureVector
from agentic_trading.core.models import Candle, CandleColumns, candle_at, plain
from agentic_trading.features.table import Table

Key = tuple[Timeframe, str]


def _rank(key: Key) -> tuple[int, str]:
    return key[0].ns, key[1]


class _Reader:
    """Reads a table row by row; columns hand out plain numbers."""

    def __init__(self, candles: CandleColumns, table: Table) -> None:
        self.candles = candles
        self.symbol = candles.symbol
        self.row = -1
        self._timeframe = candles.timeframe
        self._length = candles.timeframe.ns
        self._opens = plain(candles.open_ns)
        self._first_ns = int(candles.open_ns[0]) if len(candles) else 0
        self._columns = table.columns
        self._values = [plain(column) for column in table.arrays]
        self._warm = plain(table.warm)
        self._stale = plain(table.stale)
        self._codes = plain(table.regime)
        self._posterior = tuple(plain(row) for row in table.posterior)

    def seek(self, at_ns: int) -> bool:
        """Move to the row that closes at ``at_ns``; False if none does."""
        opens, open_ns = self._opens, at_ns - self._length
        row = (open_ns - self._first_ns) // self._length  # where it is unless candles are missing
        if not (0 <= row < len(opens) and opens[row] == open_ns):
            row = int(np.searchsorted(self.candles.open_ns, open_ns))
            if row == len(opens) or opens[row] != open_ns:
                return False
        self.row = row
        return True

    def vector(self, at_ns: int, closed: Sequence[Candle]) -> FeatureVector | None:
        """The vector of the current row; None until all declared features are warm.

        ``closed`` are the base candles of this instant, among them the row's own if it is a base candle.
        """
        row = self.row
        if not self._warm[row]:
            return None
        trending, ranging, volatile = self._posterior
        return FeatureVector(
            self.symbol, self._timeframe, at_ns, self._candle(closed), self._columns,
            [values[row] for values in self._values],
            REGIMES[int(self._codes[row])],
            (trending[row], ranging[row], volatile[row]),
            self._stale[row],
        )  # fmt: skip

    def _candle(self, closed: Sequence[Candle]) -> Candle:
        for candle in closed:
            if candle.symbol == self.symbol:
                if candle.timeframe is self._timeframe:
                    return candle
                break
        return candle_at(self.candles, self.row)


class TableFeatures:
    """Agent ``features`` of a replay: emits a vector for every (timeframe, symbol) row that closes.

    Same events, same order, same bits as `features.engine.FeatureEngine` computes live. Where it is told
    who attends, it emits the vectors that somebody looks at.
    """

    name = "features"
    reads: tuple[str, ...] = ()
    emits = (FeatureVector,)

    def __init__(self, tables: Mapping[Key, tuple[CandleColumns, Table]]) -> None:
        """Tables by (timeframe, symbol) with the candles of their rows."""
        self._readers = {key: _Reader(*tables[key]) for key in tables}
        self.attend(tables)

    def attend(self, keys: Iterable[Key]) -> None:
        """Emit only these vectors from now on."""
        ordered = sorted(keys, key=_rank)
        self._attended = [(key[0].ns, self._readers[key]) for key in ordered]

    def react(self, event: CandlesClosed) -> Iterable[Event]:
        at_ns = event.at_ns
        vectors = []
        for length, reader in self._attended:
            if not at_ns % length and reader.seek(at_ns):
                vector = reader.vector(at_ns, event.candles)
                if vector is not None:
                    vectors.append(vector)
        return vectors

    def last_candles(self, symbol: str, timeframe: Timeframe, count: int) -> Sequence[Candle]:
        """The last ``count`` closed candles up to the current row, oldest first."""
        reader = self._readers[(timeframe, symbol)]
        return [
            candle_at(reader.candles, row) for row in range(max(0, reader.row + 1 - count), reader.row + 1)
        ]
