"""Momentum indicators: RSI, stochastic, CCI, rate of change, rolling z-score.

The shared signature is that of ``stepping``. Sources: J. W. Wilder (1978) for RSI; G. Lane for the
stochastic oscillator; D. Lambert (1980) for CCI.
"""

import math

from agentic_trading.core.models import CLOSE, HIGH, LOW, FloatArray, IntArray
from agentic_trading.core.numerics import compiled
from agentic_trading.features.indicators.stepping import (
    LANES,
    SEEN,
    count_row,
    lanes_to_start,
    oldest_lane,
    push,
    slide_highest,
    spread,
    total,
)


def rsi_state(n: int) -> int:
    """Counters, the previous close; per lane the averages of gains and losses."""
    return 3 + 2 * LANES


@compiled
def rsi(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """100 * gains / (gains + losses) of Wilder's averages; 50 when nothing moved."""
    block = 4 * n
    gains, losses = 3, 3 + LANES
    for i in range(start, stop):
        close = bars[CLOSE, i]
        change = close - state[2] if state[SEEN] > 0 else 0.0
        gain, loss = max(change, 0.0), max(-change, 0.0)
        state[2] = close
        for lane in range(LANES):
            state[gains + lane] += (gain - state[gains + lane]) / n
            state[losses + lane] += (loss - state[losses + lane]) / n
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(first, last):
            state[gains + lane], state[losses + lane] = gain, loss
        lane = oldest_lane(state)
        moves = state[gains + lane] + state[losses + lane]
        value = 100.0 * state[gains + lane] / moves if moves > 0.0 else 50.0
        out[0, i] = value if state[SEEN] >= LANES * block + 1 else math.nan


def stochastic_state(n: int, smooth: int, signal: int) -> int:
    """Counter, two extremes over n, a ring of raw values, a ring of smoothed ones."""
    return 1 + 2 * (n + 2) + 2 * smooth + 2 * signal


@compiled
def stochastic(
    state: FloatArray,
    bars: FloatArray,
    clock: IntArray,
    out: FloatArray,
    start: int,
    stop: int,
    n: int,
    smooth: int,
    signal: int,
) -> None:
    """Slow stochastic: the close's place in the range of n candles (50 if there is none), averaged twice."""
    raw_ring = 1 + 2 * (n + 2)
    k_ring = raw_ring + 2 * smooth
    for i in range(start, stop):
        seen = count_row(state)
        top = slide_highest(state, 1, n, seen, bars[HIGH, i])
        bottom = -slide_highest(state, 3 + n, n, seen, -bars[LOW, i])
        raw = 100.0 * (bars[CLOSE, i] - bottom) / (top - bottom) if top > bottom else 50.0
        k = total(state, push(state, raw_ring, smooth, seen, raw), smooth) / smooth
        d = total(state, push(state, k_ring, signal, seen, k), signal) / signal
        warm = seen + 1 >= n + smooth + signal - 2
        out[0, i] = k if warm else math.nan
        out[1, i] = d if warm else math.nan


@compiled
def cci(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """(typical - mean) / (0.015 * mean absolute deviation) of the last n; 0 when nothing moved."""
    for i in range(start, stop):
        seen = count_row(state)
        typical = (bars[HIGH, i] + bars[LOW, i] + bars[CLOSE, i]) / 3.0
        window = push(state, 1, n, seen, typical)
        mean = total(state, window, n) / n
        deviation = 0.0
        for age in range(n):
            deviation += abs(state[window + age] - mean)
        value = (typical - mean) / (0.015 * (deviation / n)) if deviation > 0.0 else 0.0
        out[0, i] = value if seen + 1 >= n else math.nan


def roc_state(n: int) -> int:
    """Counter and a ring of n + 1 closes."""
    return 1 + 2 * (n + 1)


@compiled
def roc(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """100 * (close / close n candles ago - 1)."""
    for i in range(start, stop):
        seen = count_row(state)
        before = state[push(state, 1, n + 1, seen, bars[CLOSE, i])]
        value = 100.0 * (bars[CLOSE, i] / before - 1.0) if before > 0.0 else 0.0
        out[0, i] = value if seen >= n else math.nan


@compiled
def zscore(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """(close - mean) / population standard deviation of the last n closes; 0 when nothing moved."""
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[CLOSE, i])
        mean = total(state, window, n) / n
        deviation = math.sqrt(spread(state, window, n, mean) / n)
        value = (bars[CLOSE, i] - mean) / deviation if deviation > 0.0 else 0.0
        out[0, i] = value if seen + 1 >= n else math.nan
