"""Feature columns of whole candle histories: computed once per (symbol, timeframe, feature), then shared."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from agentic_trading.core.enums import DAY_NS, Timeframe
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.interfaces import RegimeModel
from agentic_trading.core.models import CandleColumns, FloatArray, IntArray
from agentic_trading.features.indicators import INDICATORS, Indicator

Progress = Callable[[str], None]
"""Told the name of a feature before it is computed: the first time on a machine it is compiled, too."""


def clock_of(open_ns: IntArray, timeframe: Timeframe) -> IntArray:
    """The ``clock`` rows of indicators, int64 (2, n): candle number since the epoch, and in its UTC day."""
    clock = np.empty((2, open_ns.shape[0]), dtype=np.int64)
    clock[0] = open_ns // timeframe.ns
    clock[1] = open_ns % DAY_NS // timeframe.ns
    return clock


def indicator_of(spec: FeatureSpec) -> Indicator:
    """The computation behind a spec; raises ConfigError if there is none of that name."""
    try:
        return INDICATORS[spec.indicator]
    except KeyError:
        known = ", ".join(INDICATORS)
        raise ConfigError(f"there is no indicator {spec.indicator!r}; known are {known}") from None


def regime_timeframe(model: RegimeModel, default: Timeframe) -> Timeframe:
    """The timeframe on whose candles a regime model runs; ConfigError if its features name several."""
    frames = list(dict.fromkeys(spec.timeframe or default for spec in model.features))
    if len(frames) > 1:
        raise ConfigError(f"the features of a regime model must share one timeframe, not {', '.join(frames)}")
    return frames[0] if frames else default


class ColumnStore:
    """Columns computed so far, so that tables of several strategies and parameter sets share arrays.

    A store serves one set of candles at a time: other candles of the same symbol and timeframe replace what
    was computed from the earlier ones. Several threads may ask at once, each about symbols of its own. A copy
    made by pickle tells nobody of its progress.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._series: dict[tuple[str, Timeframe], _Series] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_progress": None}

    @property
    def nbytes(self) -> int:
        """Bytes of all feature columns it holds."""
        return sum(column.nbytes for series in self._series.values() for column in series.columns.values())

    def feature(self, candles: CandleColumns, spec: FeatureSpec) -> FloatArray:
        """All outputs of a feature on these candles, float64 (outputs, n); do not write to it."""
        series, name = self._series_of(candles), spec.plain_name
        if name not in series.columns:
            self._tell(name)
            indicator = indicator_of(spec)
            # Compiled code is specialised by layout: one kind of array, one compilation.
            bars = np.require(candles.bars, np.float64, ["C", "A", "W"])
            if series.clock is None:
                series.clock = clock_of(candles.open_ns, candles.timeframe)
            out = np.empty((indicator.outputs, len(candles)))
            for start, stop in _stretches(candles):
                state = np.zeros(indicator.state_size(*spec.params))
                indicator.advance(state, bars, series.clock, out, start, stop, *spec.params)
            series.columns[name] = out
        return series.columns[name]

    def regime(self, candles: CandleColumns, model: RegimeModel) -> FloatArray:
        """What the model says on these candles, float64 (4, n): code, three posteriors.

        A feature with several outputs is given to the model as its first one.
        """
        series = self._series_of(candles)
        if series.regime is None or series.regime[0] is not model:
            self._tell("regime")
            inputs = np.empty((len(model.features), len(candles)))
            for row, spec in enumerate(model.features):
                inputs[row] = self.feature(candles, spec)[0]
            out = np.empty((4, len(candles)))
            for start, stop in _stretches(candles):
                model.advance(model.new_state(), inputs, out, start, stop)
            series.regime = model, out
        return series.regime[1]

    def drop_clocks(self, symbol: str) -> None:
        """Forget what only computing needs; a feature of the symbol that comes later makes it again."""
        for key in list(self._series):
            if key[0] == symbol:
                self._series[key].clock = None

    def _series_of(self, candles: CandleColumns) -> "_Series":
        key = (candles.symbol, candles.timeframe)
        known = self._series.get(key)
        if known is None or known.candles is not candles:
            known = self._series[key] = _Series(candles)
        return known

    def _tell(self, name: str) -> None:
        if self._progress is not None:
            self._progress(name)


class _Series:
    """What was computed on the candles of one symbol and timeframe: columns by plain feature name."""

    def __init__(self, candles: CandleColumns) -> None:
        self.candles = candles
        self.columns: dict[str, FloatArray] = {}
        self.clock: IntArray | None = None
        self.regime: tuple[RegimeModel, FloatArray] | None = None


def _stretches(candles: CandleColumns) -> list[tuple[int, int]]:
    """Row ranges of the unbroken stretches."""
    return list(pairwise([*candles.starts.tolist(), len(candles)]))
