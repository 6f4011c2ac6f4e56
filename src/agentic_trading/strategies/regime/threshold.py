"""The threshold regime classifier: trend strength and volatility against fixed levels."""

from collections.abc import Sequence

import numpy as np

from agentic_trading.core.enums import REGIMES, Regime
from agentic_trading.core.features import FeatureSpec, adx, realized_volatility
from agentic_trading.core.models import FloatArray
from agentic_trading.core.numerics import compiled
from agentic_trading.strategies.regime.settings import RegimeSettings

LONG_WINDOWS = 7
"""Usual volatility is measured over this many short windows: a week when the short one is a day."""

_UNKNOWN, _TRENDING, _RANGING, _VOLATILE = (
    REGIMES.index(regime) for regime in (Regime.UNKNOWN, Regime.TRENDING, Regime.RANGING, Regime.VOLATILE)
)
_REGIME, _AGE = range(2)
"""Positions in the state: the current code, and for how many rows it has been current."""


class ThresholdRegime:
    """Volatile if short volatility is a multiple of the usual, else trending if ADX is high, else ranging.

    Implements `core.interfaces.RegimeModel`. A state is entered at its level and left only below
    level x (1 - hysteresis); whatever replaces it must wait until it has lasted ``min_dwell_candles``.
    The posterior is 1 for the state it is in and 0 for the others: this classifier knows no doubt.
    """

    def __init__(self, settings: RegimeSettings) -> None:
        short = settings.volatility_window
        self._features = (
            adx(settings.adx_window, timeframe=settings.timeframe),
            realized_volatility(short, timeframe=settings.timeframe),
            realized_volatility(short * LONG_WINDOWS, timeframe=settings.timeframe),
        )
        self._trending = float(settings.trending_adx)
        self._volatile = float(settings.volatile_ratio)
        self._keep = 1.0 - settings.hysteresis
        self._dwell = float(settings.min_dwell_candles)

    @property
    def features(self) -> Sequence[FeatureSpec]:
        """ADX, short volatility, long volatility: the rows of ``inputs``."""
        return self._features

    def new_state(self) -> FloatArray:
        """Unknown since no time; shape (2,)."""
        return np.zeros(2)

    def advance(self, state: FloatArray, inputs: FloatArray, out: FloatArray, start: int, stop: int) -> None:
        """Classify rows ``start..stop``; ``inputs`` (3, n), ``out`` (4, n) = code and three posteriors.

        A row with a NaN is unknown and forgets the state before it.
        """
        _advance(state, inputs, out, start, stop, self._trending, self._volatile, self._keep, self._dwell)


@compiled
def _advance(
    state: FloatArray,
    inputs: FloatArray,
    out: FloatArray,
    start: int,
    stop: int,
    trending: float,
    volatile: float,
    keep: float,
    dwell: float,
) -> None:
    for row in range(start, stop):
        strength, short, usual = inputs[0, row], inputs[1, row], inputs[2, row]
        current = int(state[_REGIME])
        if np.isnan(strength) or np.isnan(short) or np.isnan(usual):
            seen = _UNKNOWN
        # The ratio is compared as a product, so that a market without any movement is not a division by zero.
        elif short > 0.0 and short >= usual * volatile * (keep if current == _VOLATILE else 1.0):
            seen = _VOLATILE
        elif strength >= trending * (keep if current == _TRENDING else 1.0):
            seen = _TRENDING
        else:
            seen = _RANGING
        waits = _UNKNOWN not in (seen, current) and state[_AGE] < dwell
        if seen == current or waits:
            state[_AGE] += 1.0
        else:
            current = seen
            state[_REGIME] = float(seen)
            state[_AGE] = 1.0
        out[0, row] = float(current)
        for code in range(1, 4):
            out[code, row] = 1.0 if code == current else 0.0
