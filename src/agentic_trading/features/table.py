"""The feature table of a backtest: every declared feature as a column over the candles of one timeframe."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import numpy.typing as npt

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.interfaces import RegimeModel
from agentic_trading.core.models import (
    CLOSE,
    HIGH,
    LOW,
    OPEN,
    VOLUME,
    BoolArray,
    CandleColumns,
    FloatArray,
)
from agentic_trading.features.columns import ColumnStore, Progress, regime_timeframe

PRICE_ROWS = {"open": OPEN, "high": HIGH, "low": LOW, "close": CLOSE, "volume": VOLUME}


class Table:
    """Implements `core.features.FeatureTable`; its rows are ``candles``, its arrays are shared: read only.

    ``columns`` maps feature names to positions; ``warm`` (n,) says where all declared features have a
    value; ``stale`` (n,) where a timeframe in use is older than one of its own candles; ``regime`` (n,)
    are codes of `core.enums.REGIMES` and ``posterior`` is (3, n).
    """

    def __init__(
        self,
        candles: CandleColumns,
        features: Mapping[str, FloatArray],
        stale: BoolArray,
        regime: FloatArray | None = None,
        *,
        can_short: bool = True,
    ) -> None:
        """``regime`` (4, n): codes and posterior; None without a regime model."""
        self.candles = candles
        self.symbol = candles.symbol
        self.timeframe = candles.timeframe
        self.columns: Mapping[str, int] = {name: position for position, name in enumerate(features)}
        self.stale = stale
        self.can_short = can_short
        self.has_regime = regime is not None
        regimes = np.broadcast_to(np.zeros((4, 1)), (4, len(candles))) if regime is None else regime
        self.regime: FloatArray = regimes[0]
        self.posterior: FloatArray = regimes[1:]
        self.arrays: tuple[FloatArray, ...] = tuple(features.values())
        """The declared features, (n,) each, at the positions of ``columns``."""

    def __len__(self) -> int:
        return len(self.candles)

    def __getitem__(self, name: str) -> FloatArray:
        """The column of a declared feature, or ``open high low close volume``; else KeyError."""
        if name in self.columns:
            return self.arrays[self.columns[name]]
        if name in PRICE_ROWS:
            prices: FloatArray = self.candles.bars[PRICE_ROWS[name]]
            return prices
        declared = ", ".join(sorted(self.columns)) or "none"
        raise KeyError(f"feature {name!r} was not declared; declared are: {declared}")

    @cached_property
    def warm(self) -> BoolArray:
        """Rows on which every declared feature has a value."""
        warm = np.ones(len(self), dtype=np.bool_)
        for column in self.arrays:
            warm &= ~np.isnan(column)
        return warm


def build_table(
    base: Mapping[Timeframe, CandleColumns],
    timeframe: Timeframe,
    specs: Sequence[FeatureSpec],
    regime: RegimeModel | None = None,
    *,
    store: ColumnStore | None = None,
    progress: Progress | None = None,
    can_short: bool = True,
) -> Table:
    """The table of one symbol on ``timeframe``; ``base`` holds its candles on every timeframe in use.

    A feature of another timeframe shows, on each row, the value of the last candle that had closed by
    the row's own close (a candle that closes at the same instant has closed). ``store`` shares columns
    between tables; ``progress`` is called with each name that is computed when no store is given;
    ``can_short`` is what the table says of the symbol.
    Raises ConfigError for a timeframe that ``base`` lacks or an unknown indicator.
    """
    if store is None:
        store = ColumnStore(progress)
    rows = _Rows(_candles_of(base, timeframe, "the table itself"))
    features: dict[str, FloatArray] = {}
    for spec in dict.fromkeys(specs):
        source = _candles_of(base, spec.timeframe or timeframe, spec.name)
        known = rows.as_known(source, store.feature(source, spec), np.nan)
        features.update(zip(spec.columns, known, strict=True))
    regimes = None
    if regime is not None:
        source = _candles_of(base, regime_timeframe(regime, timeframe), "the regime model")
        regimes = rows.as_known(source, store.regime(source, regime), 0.0)
    store.drop_clocks()
    return Table(rows.candles, features, rows.stale, regimes, can_short=can_short)


class _Rows:
    """The rows of a table: lays what other timeframes knew onto them, and notes where that was stale."""

    def __init__(self, candles: CandleColumns) -> None:
        self.candles = candles
        self.stale = np.zeros(len(candles), dtype=np.bool_)
        self._closed: dict[Timeframe, npt.NDArray[np.intp]] = {}

    def as_known(self, source: CandleColumns, values: FloatArray, missing: float) -> FloatArray:
        """``values`` (k, candles of source) as known at each row's close; ``missing`` before the first."""
        if source.timeframe is self.candles.timeframe:
            return values
        if not len(source):
            return np.full((values.shape[0], len(self.candles)), missing)
        last = self._last_closed(source)
        known = values[:, np.maximum(last, 0)]
        known[:, last < 0] = missing
        return known

    def _last_closed(self, source: CandleColumns) -> npt.NDArray[np.intp]:
        """Row of ``source`` that closed last by each row's close; -1 before the first."""
        if source.timeframe not in self._closed:
            close_ns = self.candles.close_ns
            last = np.searchsorted(source.close_ns, close_ns, side="right") - 1
            age_ns = close_ns - source.close_ns[last]
            self.stale |= (last >= 0) & (age_ns >= source.timeframe.ns)
            self._closed[source.timeframe] = last
        return self._closed[source.timeframe]


def _candles_of(base: Mapping[Timeframe, CandleColumns], frame: Timeframe, user: str) -> CandleColumns:
    if frame not in base:
        given = ", ".join(known for known in Timeframe if known in base) or "none"
        raise ConfigError(f"{user} needs {frame} candles, but only these timeframes are given: {given}")
    return base[frame]
