"""Volume indicators: mean and ratio, money flow, on-balance volume, rolling and session VWAP.

The shared signature is that of ``stepping``. Sources: J. Granville (1963) for OBV; G. Quong and A. Soudack
for MFI.
"""

import math

from agentic_trading.core.models import CLOSE, HIGH, LOW, VOLUME, FloatArray, IntArray
from agentic_trading.core.numerics import compiled
from agentic_trading.features.indicators.stepping import count_row, push, total


@compiled
def volume_sma(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Mean of the last n volumes."""
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[VOLUME, i])
        out[0, i] = total(state, window, n) / n if seen + 1 >= n else math.nan


@compiled
def volume_ratio(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Volume over the mean of the last n volumes; 0 when nothing traded."""
    for i in range(start, stop):
        seen = count_row(state)
        window = push(state, 1, n, seen, bars[VOLUME, i])
        mean = total(state, window, n) / n
        value = bars[VOLUME, i] / mean if mean > 0.0 else 0.0
        out[0, i] = value if seen + 1 >= n else math.nan


def mfi_state(n: int) -> int:
    """Counter, the previous typical price, rings of inflow and outflow."""
    return 2 + 4 * n


@compiled
def mfi(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """100 * inflow / (inflow + outflow), flow = typical price * volume on rising or falling typical price."""
    for i in range(start, stop):
        seen = count_row(state)
        typical = (bars[HIGH, i] + bars[LOW, i] + bars[CLOSE, i]) / 3.0
        change = typical - state[1] if seen > 0 else 0.0
        state[1] = typical
        flow = typical * bars[VOLUME, i]
        inflow = total(state, push(state, 2, n, seen, flow if change > 0.0 else 0.0), n)
        outflow = total(state, push(state, 2 + 2 * n, n, seen, flow if change < 0.0 else 0.0), n)
        value = 100.0 * inflow / (inflow + outflow) if inflow + outflow > 0.0 else 50.0
        out[0, i] = value if seen >= n else math.nan


def obv_state(n: int) -> int:
    """Counter, the previous close, a ring of n signed volumes."""
    return 2 + 2 * n


@compiled
def obv(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Volume on rising closes minus volume on falling ones over the last n candles."""
    for i in range(start, stop):
        seen = count_row(state)
        close = bars[CLOSE, i]
        signed = 0.0
        if seen > 0 and close > state[1]:
            signed = bars[VOLUME, i]
        elif seen > 0 and close < state[1]:
            signed = -bars[VOLUME, i]
        state[1] = close
        window = push(state, 2, n, seen, signed)
        out[0, i] = total(state, window, n) if seen >= n else math.nan


def vwap_state(n: int) -> int:
    """Counter, rings of traded value and of volume."""
    return 1 + 4 * n


@compiled
def vwap(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int, n: int
) -> None:
    """Typical price weighted by volume over the last n candles; the typical price when nothing traded."""
    for i in range(start, stop):
        seen = count_row(state)
        typical = (bars[HIGH, i] + bars[LOW, i] + bars[CLOSE, i]) / 3.0
        value = total(state, push(state, 1, n, seen, typical * bars[VOLUME, i]), n)
        volume = total(state, push(state, 1 + 2 * n, n, seen, bars[VOLUME, i]), n)
        price = value / volume if volume > 0.0 else typical
        out[0, i] = price if seen + 1 >= n else math.nan


def vwap_session_state() -> int:
    """Counter, traded value and volume of the day, whether its first candle was seen."""
    return 4


@compiled
def vwap_session(
    state: FloatArray, bars: FloatArray, clock: IntArray, out: FloatArray, start: int, stop: int
) -> None:
    """Typical price weighted by volume since 00:00 UTC; NaN in a day whose first candle was not seen."""
    for i in range(start, stop):
        count_row(state)
        typical = (bars[HIGH, i] + bars[LOW, i] + bars[CLOSE, i]) / 3.0
        if clock[1, i] == 0:
            state[1], state[2], state[3] = 0.0, 0.0, 1.0
        state[1] += typical * bars[VOLUME, i]
        state[2] += bars[VOLUME, i]
        price = state[1] / state[2] if state[2] > 0.0 else typical
        out[0, i] = price if state[3] > 0.0 else math.nan
