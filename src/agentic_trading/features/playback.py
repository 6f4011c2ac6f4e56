"""Features of a replay: the rows of the feature tables, handed out as their candles close."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import overload

import numpy as np

from agentic_trading.core.enums import REGIMES, Regime, Timeframe
from agentic_trading.core.events import CandlesClosed, Event, FeatureVector
from agentic_trading.core.models import Candle, CandleColumns, CandleRows, plain
from agentic_trading.features.table import Table

Key = tuple[Timeframe, str]
_UNKNOWN = Regime.UNKNOWN
"""A name of its own: enums look their members up slowly."""


def _rank(key: Key) -> tuple[int, str]:
    return key[0].ns, key[1]


_FEW = 6
"""So many columns are read at once; of more, those that somebody asks for."""


class _Reader:
    """Reads a table row by row, in plain numbers; only of what varies over its rows."""

    def __init__(self, candles: CandleColumns, table: Table) -> None:
        self.candles = CandleRows(candles)
        self.symbol = candles.symbol
        self.row = -1
        self._timeframe = candles.timeframe
        self._length = candles.timeframe.ns
        self._open_ns = candles.open_ns
        self._opens = plain(candles.open_ns)
        self._first_ns = int(candles.open_ns[0]) if len(candles) else 0
        self._columns = table.columns
        self._values = [plain(column) for column in table.arrays]
        self._wide = len(self._values) > _FEW
        self._warm = plain(table.warm)
        self._warm_from = len(table) - int(np.argmin(table.warm[::-1])) if not table.warm.all() else 0
        """From this row on all are warm."""
        self._stale = plain(table.stale) if table.stale.any() else None
        self._regime = [plain(row) for row in (table.regime, *table.posterior)] if table.has_regime else None

    def vector(self, at_ns: int, closed: Sequence[Candle]) -> FeatureVector | None:
        """The vector of the row that closes at ``at_ns``; None if none does, or until all features are warm.

        ``closed`` are the base candles of this instant, among them the row's own if it is a base candle.
        """
        opens, open_ns = self._opens, at_ns - self._length
        row = (open_ns - self._first_ns) // self._length  # where it is unless candles are missing
        if not (0 <= row < len(opens) and opens[row] == open_ns):
            row = int(np.searchsorted(self._open_ns, open_ns))
            if row == len(opens) or opens[row] != open_ns:
                return None
        self.row = row
        if row < self._warm_from and not self._warm[row]:
            return None
        for candle in closed:
            if candle.symbol == self.symbol and candle.timeframe is self._timeframe:
                own = candle
                break
        else:
            own = self.candles.at(row)
        values: Sequence[float]
        if self._wide:
            values = _Row(self._values, row)
        else:
            values = []
            for column in self._values:
                values.append(column[row])  # a comprehension would be a call
        regime, posterior, stale = _UNKNOWN, (0.0, 0.0, 0.0), False
        if self._regime is not None:
            codes, trending, ranging, volatile = self._regime
            regime, posterior = REGIMES[int(codes[row])], (trending[row], ranging[row], volatile[row])
        if self._stale is not None:
            stale = self._stale[row]
        return FeatureVector(
            self.symbol, self._timeframe, at_ns, own, self._columns, values, regime, posterior, stale
        )


class _Row(Sequence[float]):
    """One row of many columns, of which only what is asked for is read: each lies elsewhere in memory."""

    __slots__ = ("_columns", "_row")

    def __init__(self, columns: Sequence[Sequence[float]], row: int) -> None:
        self._columns = columns
        self._row = row

    @overload
    def __getitem__(self, position: int) -> float: ...

    @overload
    def __getitem__(self, position: slice) -> Sequence[float]: ...

    def __getitem__(self, position: int | slice) -> float | Sequence[float]:
        if isinstance(position, slice):
            return list(self)[position]
        return self._columns[position][self._row]

    def __len__(self) -> int:
        return len(self._columns)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]


Readers = list[tuple[int, _Reader]]
"""Tables by the length of their timeframe, in the order in which their vectors are told."""


class TableFeatures:
    """Agent ``features`` of a replay: emits a vector for every (timeframe, symbol) row that closes.

    Same events, same order, same bits as `features.engine.FeatureEngine` computes live. Where ``attended``
    is set, it emits the vectors that somebody looks at.
    """

    name = "features"
    reads: tuple[str, ...] = ()
    emits = (FeatureVector,)

    def __init__(self, tables: Mapping[Key, tuple[CandleColumns, Table]]) -> None:
        """Tables by (timeframe, symbol) with the candles of their rows."""
        self._readers = {key: _Reader(*tables[key]) for key in sorted(tables, key=_rank)}
        self.attended = self.readers(tables)

    def reader(self, key: Key) -> Callable[[int, Sequence[Candle]], FeatureVector | None]:
        """Reads the vector of one table; see `_Reader.vector`."""
        return self._readers[key].vector

    def readers(self, keys: Iterable[Key]) -> Readers:
        """The tables of these keys, for ``attended``."""
        wanted = dict.fromkeys(keys)
        return [(key[0].ns, reader) for key, reader in self._readers.items() if key in wanted]

    def react(self, event: CandlesClosed) -> Iterable[Event]:
        at_ns = event.at_ns
        vectors = []
        for length, reader in self.attended:
            if not at_ns % length:
                vector = reader.vector(at_ns, event.candles)
                if vector is not None:
                    vectors.append(vector)
        return vectors

    def last_candles(self, symbol: str, timeframe: Timeframe, count: int) -> Sequence[Candle]:
        """The last ``count`` closed candles up to the current row, oldest first."""
        reader = self._readers[(timeframe, symbol)]
        return [reader.candles.at(row) for row in range(max(0, reader.row + 1 - count), reader.row + 1)]
