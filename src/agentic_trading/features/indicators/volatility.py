"""Volatility and channels: ATR, Bollinger, Donchian, Keltner, extremes, realised and range volatility.

The shared signature is that of ``stepping``. Sources: J. W. Wilder (1978) for ATR; J. Bollinger; R. Donchian;
C. Keltner in L. Raschke's form (EMA and ATR); M. Parkinson, *Journal of Business* 53 (1980).
"""

import math

from agentic_trading.core.models import CLOSE, HIGH, LOW, FloatArray, IntArray
from agentic_trading.core.numerics import compiled, log
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
    true_range,
)

FOUR_LOG_TWO = 2.772588722239781
"""4 ln 2: expected squared log range of a Brownian path over its variance."""


def atr_state(n: int) -> int:
    """Counters, the previous close; one average per lane."""
    return 3 + LANES


@compiled
def atr(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Wilder's average of the true range, in price."""
    block = 4 * n
    for i in range(start, stop):
        previous = state[2] if state[SEEN] > 0 else bars[CLOSE, i]
        span = true_range(bars[HIGH, i], bars[LOW, i], previous)
        state[2] = bars[CLOSE, i]
        for lane in range(3, 3 + LANES):
            state[lane] += (span - state[lane]) / n
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(first, last):
            state[3 + lane] = span
        out[0, i] = state[3 + oldest_lane(state)] if state[SEEN] >= LANES * block + 1 else math.nan


def keltner_state(n: int, k: float) -> int:
    """Counters, the previous close; per lane the averages of close and range."""
    return 3 + 2 * LANES


@compiled
def keltner(
    state: FloatArray,
    bars: FloatArray,
    clock: IntArray,
    out: FloatArray,
    start: int,
    stop: int,
    n: int,
    k: float,
) -> None:
    """EMA(n) of the close with k ATR(n) above and below."""
    weight = 2.0 / (n + 1)
    block = 4 * n
    middles, ranges = 3, 3 + LANES
    for i in range(start, stop):
        close = bars[CLOSE, i]
        span = true_range(bars[HIGH, i], bars[LOW, i], state[2] if state[SEEN] > 0 else close)
        state[2] = close
        for lane in range(LANES):
            state[middles + lane] += weight * (close - state[middles + lane])
            state[ranges + lane] += (span - state[ranges + lane]) / n
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(first, last):
            state[middles + lane], state[ranges + lane] = close, span
        out[:, i] = math.nan
        if state[SEEN] >= LANES * block + 1:
            lane = oldest_lane(state)
            out[0, i] = state[middles + lane] + k * state[ranges + lane]
            out[1, i] = state[middles + lane]
            out[2, i] = state[middles + lane] - k * state[ranges + lane]


def bollinger_state(n: int, k: float) -> int:
    """Counter and a ring of n closes."""
    return 1 + 2 * n


@compiled
def bollinger(
    state: FloatArray,
    bars: FloatArray,
    clock: IntArray,
    out: FloatArray,
    start: int,
    stop: int,
    n: int,
    k: float,
) -> None:
    """Mean of n closes with k population standard deviations above and below, and the range over the mean."""
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[CLOSE, i])
        out[:, i] = math.nan
        if seen + 1 >= n:
            mean = total(state, window, n) / n
            reach = k * math.sqrt(spread(state, window, n, mean) / n)
            out[0, i] = mean + reach
            out[1, i] = mean
            out[2, i] = mean - reach
            out[3, i] = (out[0, i] - out[2, i]) / mean if mean > 0.0 else 0.0


def donchian_state(n: int) -> int:
    """Counter, the previous channel, two extremes over n."""
    return 3 + 2 * (n + 2)


@compiled
def donchian(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Upper, middle, lower of n candles with this one; upper and lower of the n candles before it."""
    for i in range(start, stop):
        seen = count_row(state)
        top = slide_highest(state, 3, n, seen, bars[HIGH, i])
        bottom = -slide_highest(state, 5 + n, n, seen, -bars[LOW, i])
        out[:, i] = math.nan
        if seen >= n:
            out[0, i] = top
            out[1, i] = (top + bottom) / 2.0
            out[2, i] = bottom
            out[3, i] = state[1]
            out[4, i] = state[2]
        state[1], state[2] = top, bottom


def extreme_state(n: int) -> int:
    """Counter and one extreme over n."""
    return 1 + n + 2


@compiled
def highest(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Highest high of the last n candles."""
    for i in range(start, stop):
        seen = count_row(state)
        top = slide_highest(state, 1, n, seen, bars[HIGH, i])
        out[0, i] = top if seen + 1 >= n else math.nan


@compiled
def lowest(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Lowest low of the last n candles."""
    for i in range(start, stop):
        seen = count_row(state)
        bottom = -slide_highest(state, 1, n, seen, -bars[LOW, i])
        out[0, i] = bottom if seen + 1 >= n else math.nan


def realized_volatility_state(n: int) -> int:
    """Counter, the previous close, a ring of n squared returns."""
    return 2 + 2 * n


@compiled
def realized_volatility(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """sqrt(mean of squared log returns) over the last n returns, per candle."""
    for i in range(start, stop):
        seen = count_row(state)
        close = bars[CLOSE, i]
        step = log(close / state[1]) if seen > 0 else 0.0
        state[1] = close
        window = push(state, 2, n, seen, step * step)
        out[0, i] = math.sqrt(total(state, window, n) / n) if seen >= n else math.nan


@compiled
def parkinson(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """sqrt(mean of squared log(high / low) / (4 ln 2)) over the last n candles, per candle."""
    for i in range(start, stop):
        seen = count_row(state)
        reach = log(bars[HIGH, i] / bars[LOW, i])
        window = push(state, 1, n, seen, reach * reach)
        out[0, i] = math.sqrt(total(state, window, n) / n / FOUR_LOG_TWO) if seen + 1 >= n else math.nan
