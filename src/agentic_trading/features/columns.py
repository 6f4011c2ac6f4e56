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

    Keys are (symbol, timeframe, plain feature name). A store serves one set of candles at a time: other
    candles of the same symbol and timeframe replace what was computed from the earlier ones. A copy made by
    pickle tells nobody of its progress.
    """

    def __init__(self, progress: Progress | None = None) -> None:
        self._progress = progress
        self._candles: dict[tuple[str, Timeframe], CandleColumns] = {}
        self._clocks: dict[tuple[str, Timeframe], IntArray] = {}
        self._columns: dict[tuple[str, Timeframe, str], FloatArray] = {}
        self._regimes: dict[tuple[str, Timeframe], tuple[RegimeModel, FloatArray]] = {}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_progress": None}

    @property
    def nbytes(self) -> int:
        """Bytes of all feature columns it holds."""
        return sum(column.nbytes for column in self._columns.values())

    def feature(self, candles: CandleColumns, spec: FeatureSpec) -> FloatArray:
        """All outputs of a feature on these candles, float64 (outputs, n); do not write to it."""
        series = self._series_of(candles)
        key = (*series, spec.plain_name)
        if key not in self._columns:
            if self._progress is not None:
                self._progress(spec.plain_name)
            indicator = indicator_of(spec)
            # Compiled code is specialised by layout: one kind of array, one compilation.
            bars = np.require(candles.bars, np.float64, ["C", "A", "W"])
            if series not in self._clocks:
                self._clocks[series] = clock_of(candles.open_ns, candles.timeframe)
            clock = self._clocks[series]
            out = np.empty((indicator.outputs, len(candles)))
            for start, stop in _stretches(candles):
                state = np.zeros(indicator.state_size(*spec.params))
                indicator.advance(state, bars, clock, out, start, stop, *spec.params)
            self._columns[key] = out
        return self._columns[key]

    def regime(self, candles: CandleColumns, model: RegimeModel) -> FloatArray:
        """What the model says on these candles, float64 (4, n): code, three posteriors.

        A feature with several outputs is given to the model as its first one.
        """
        key = self._series_of(candles)
        known = self._regimes.get(key)
        if known is None or known[0] is not model:
            if self._progress is not None:
                self._progress("regime")
            inputs = np.empty((len(model.features), len(candles)))
            for row, spec in enumerate(model.features):
                inputs[row] = self.feature(candles, spec)[0]
            out = np.empty((4, len(candles)))
            for start, stop in _stretches(candles):
                model.advance(model.new_state(), inputs, out, start, stop)
            known = self._regimes[key] = (model, out)
        return known[1]

    def drop_clocks(self) -> None:
        """Forget what only computing needs; a feature that is asked for later makes it again."""
        self._clocks.clear()

    def _series_of(self, candles: CandleColumns) -> tuple[str, Timeframe]:
        key = (candles.symbol, candles.timeframe)
        if self._candles.get(key) is not candles:
            self._columns = {name: column for name, column in self._columns.items() if name[:2] != key}
            self._regimes.pop(key, None)
            self._clocks.pop(key, None)
            self._candles[key] = candles
        return key


def _stretches(candles: CandleColumns) -> list[tuple[int, int]]:
    """Row ranges of the unbroken stretches."""
    return list(pairwise([*candles.starts.tolist(), len(candles)]))
