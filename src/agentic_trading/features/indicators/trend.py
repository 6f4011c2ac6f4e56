"""Trend indicators: moving averages, MACD, directional index, regression slope, Supertrend.

The shared signature is that of ``stepping``. Sources: J. W. Wilder, *New Concepts in Technical Trading
Systems* (1978) for ADX and the true range; G. Appel for MACD; O. Seban for Supertrend.
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
    total,
    true_range,
)


def ema_state(n: int) -> int:
    """Counters and one average per lane."""
    return 2 + LANES


@compiled
def ema(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Exponential moving average, ``x += 2 / (n + 1) * (close - x)``, from the first close of its lane."""
    weight = 2.0 / (n + 1)
    block = 2 * n
    for i in range(start, stop):
        close = bars[CLOSE, i]
        for lane in range(2, 2 + LANES):
            state[lane] += weight * (close - state[lane])
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(first, last):
            state[2 + lane] = close
        out[0, i] = state[2 + oldest_lane(state)] if state[SEEN] >= LANES * block else math.nan


@compiled
def sma(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Mean of the last n closes."""
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[CLOSE, i])
        out[0, i] = total(state, window, n) / n if seen + 1 >= n else math.nan


@compiled
def wma(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Mean of the last n closes, the newest with weight n, the oldest with weight 1."""
    weights = n * (n + 1) / 2.0
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[CLOSE, i])
        weighted = 0.0
        for age in range(n):
            weighted += (age + 1) * state[window + age]
        out[0, i] = weighted / weights if seen + 1 >= n else math.nan


def macd_state(fast: int, slow: int, signal: int) -> int:
    """Counters; per lane the fast, the slow and the signal average."""
    return 2 + 3 * LANES


@compiled
def macd(
    state: FloatArray,
    bars: FloatArray,
    clock: IntArray,
    out: FloatArray,
    start: int,
    stop: int,
    fast: int,
    slow: int,
    signal: int,
) -> None:
    """EMA(fast) - EMA(slow), its EMA(signal), and the difference of the two."""
    fast_weight = 2.0 / (fast + 1)
    slow_weight = 2.0 / (slow + 1)
    signal_weight = 2.0 / (signal + 1)
    block = 2 * max(slow, signal)
    quick, calm, smooth = 2, 2 + LANES, 2 + 2 * LANES
    for i in range(start, stop):
        close = bars[CLOSE, i]
        for lane in range(LANES):
            state[quick + lane] += fast_weight * (close - state[quick + lane])
            state[calm + lane] += slow_weight * (close - state[calm + lane])
            line = state[quick + lane] - state[calm + lane]
            state[smooth + lane] += signal_weight * (line - state[smooth + lane])
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(first, last):
            state[quick + lane] = close
            state[calm + lane] = close
            state[smooth + lane] = 0.0
        if state[SEEN] >= LANES * block:
            lane = oldest_lane(state)
            out[0, i] = state[quick + lane] - state[calm + lane]
            out[1, i] = state[smooth + lane]
            out[2, i] = out[0, i] - out[1, i]
        else:
            out[:, i] = math.nan


def adx_state(n: int) -> int:
    """Counters, the previous candle; per lane the averages of range, up moves, down moves, and the ADX."""
    return 5 + 4 * LANES


@compiled
def directional(move: float, opposite: float) -> float:
    """A candle's move beyond the previous one counts if it is outward and larger than the opposite one."""
    return move if move > 0.0 and move > opposite else 0.0


@compiled
def adx(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Average directional index, +DI and -DI, all with Wilder's average; DX is 0 when nothing moved."""
    block = 4 * n
    ranges, ups, downs, index = 5, 5 + LANES, 5 + 2 * LANES, 5 + 3 * LANES
    for i in range(start, stop):
        high, low = bars[HIGH, i], bars[LOW, i]
        span, plus, minus = high - low, 0.0, 0.0
        if state[SEEN] > 0:
            up, down = high - state[2], state[3] - low
            span = true_range(high, low, state[4])
            plus, minus = directional(up, down), directional(down, up)
        state[2], state[3], state[4] = high, low, bars[CLOSE, i]
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(LANES):
            if first <= lane < last:
                state[ranges + lane], state[ups + lane], state[downs + lane] = span, plus, minus
            else:
                state[ranges + lane] += (span - state[ranges + lane]) / n
                state[ups + lane] += (plus - state[ups + lane]) / n
                state[downs + lane] += (minus - state[downs + lane]) / n
            moves = state[ups + lane] + state[downs + lane]
            strength = 100.0 * abs(state[ups + lane] - state[downs + lane]) / moves if moves > 0.0 else 0.0
            if first <= lane < last:
                state[index + lane] = strength
            else:
                state[index + lane] += (strength - state[index + lane]) / n
        out[:, i] = math.nan
        if state[SEEN] >= LANES * block + 1:
            lane = oldest_lane(state)
            span = state[ranges + lane]
            out[0, i] = state[index + lane]
            out[1, i] = 100.0 * state[ups + lane] / span if span > 0.0 else 0.0
            out[2, i] = 100.0 * state[downs + lane] / span if span > 0.0 else 0.0


@compiled
def slope(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Least-squares slope of the last n closes against 0, 1, .. n - 1, both centred for accuracy."""
    centre = (n - 1) / 2.0
    squares = n * (n * n - 1) / 12.0
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[CLOSE, i])
        mean = total(state, window, n) / n
        product = 0.0
        for age in range(n):
            product += (age - centre) * (state[window + age] - mean)
        out[0, i] = product / squares if seen + 1 >= n else math.nan


def supertrend_state(n: int, k: float) -> int:
    """Counters, the previous close; per lane the range average, both bands and the direction."""
    return 3 + 4 * LANES


@compiled
def supertrend(
    state: FloatArray,
    bars: FloatArray,
    clock: IntArray,
    out: FloatArray,
    start: int,
    stop: int,
    n: int,
    k: float,
) -> None:
    """Bands at k ATR(n) around the candle's middle that only tighten; the close flips the side.

    The bands have no fading memory of their own: which side is on is decided by the last flip. A lane
    starts on the side of its first close, and 36 to 40 periods later that has long been overruled.
    """
    block = 4 * n
    ranges, uppers, lowers, sides = 3, 3 + LANES, 3 + 2 * LANES, 3 + 3 * LANES
    for i in range(start, stop):
        high, low, close = bars[HIGH, i], bars[LOW, i], bars[CLOSE, i]
        previous = state[2] if state[SEEN] > 0 else close
        span = true_range(high, low, previous)
        middle = (high + low) / 2.0
        state[2] = close
        first, last = lanes_to_start(state, clock[0, i], block)
        for lane in range(LANES):
            fresh = first <= lane < last
            state[ranges + lane] = span if fresh else state[ranges + lane] + (span - state[ranges + lane]) / n
            upper, lower = middle + k * state[ranges + lane], middle - k * state[ranges + lane]
            if fresh:
                state[sides + lane] = 1.0 if close >= middle else -1.0
            else:
                if previous <= state[uppers + lane]:
                    upper = min(upper, state[uppers + lane])
                if previous >= state[lowers + lane]:
                    lower = max(lower, state[lowers + lane])
                if close > upper:
                    state[sides + lane] = 1.0
                elif close < lower:
                    state[sides + lane] = -1.0
            state[uppers + lane], state[lowers + lane] = upper, lower
        out[:, i] = math.nan
        if state[SEEN] >= LANES * block + 1:
            lane = oldest_lane(state)
            out[1, i] = state[sides + lane]
            out[0, i] = state[lowers + lane] if out[1, i] > 0.0 else state[uppers + lane]
