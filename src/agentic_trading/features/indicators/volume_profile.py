"""Rolling volume profile: at which prices the volume of the last candles changed hands."""

import math

from agentic_trading.core.models import CLOSE, HIGH, LOW, VOLUME, FloatArray, IntArray
from agentic_trading.core.numerics import compiled
from agentic_trading.features.indicators.stepping import count_row, push, slide_highest

VALUE_AREA_RATIO = 0.7
"""Share of the volume that the value area holds (J. P. Steidlmayer, *Market Profile*)."""


def volume_profile_state(n: int, bins: int) -> int:
    """Counter, two extremes over n, rings of highs, lows and volumes, and room for the bins."""
    return 1 + 2 * (n + 2) + 6 * n + bins


@compiled
def fill_bins(state: FloatArray, at: int, bins: int, bottom: float, step: float, rings: FloatArray) -> float:
    """Spread each candle's volume evenly over its range; ``rings`` (3, n) = highs, lows, volumes.

    Returns the total volume. A candle without range counts wholly where it is.
    """
    for b in range(bins):
        state[at + b] = 0.0
    per_price = 1.0 / step
    volume = 0.0
    for c in range(rings.shape[1]):
        high, low, traded = rings[0, c], rings[1, c], rings[2, c]
        volume += traded
        lowest_bin = (low - bottom) * per_price
        highest_bin = (high - bottom) * per_price
        # Bounded on both sides: compiled code must stay within the state even on prices that make no sense.
        first = max(min(int(lowest_bin), bins - 1), 0)
        last = max(min(int(highest_bin), bins - 1), 0)
        if last <= first:
            state[at + first] += traded
            continue
        per_bin = traded / (highest_bin - lowest_bin)
        state[at + first] += per_bin * (first + 1 - lowest_bin)
        for b in range(first + 1, last):
            state[at + b] += per_bin
        state[at + last] += per_bin * (highest_bin - last)
    return volume


@compiled
def value_area(state: FloatArray, at: int, bins: int, volume: float) -> tuple[int, int, int]:
    """Busiest bin, and first and last bin of the area grown from it towards the busier side."""
    busiest = 0
    for b in range(1, bins):
        if state[at + b] > state[at + busiest]:
            busiest = b
    first, last = busiest, busiest
    held = state[at + busiest]
    while held < VALUE_AREA_RATIO * volume and (first > 0 or last < bins - 1):
        below = state[at + first - 1] if first > 0 else -1.0
        above = state[at + last + 1] if last < bins - 1 else -1.0
        if above >= below:
            last += 1
            held += above
        else:
            first -= 1
            held += below
    return busiest, first, last


@compiled
def volume_profile(
    state: FloatArray,
    bars: FloatArray,
    clock: IntArray,
    out: FloatArray,
    start: int,
    stop: int,
    n: int,
    bins: int,
) -> None:
    """Point of control (middle of the busiest of ``bins`` equal price bins) and bounds of the value area.

    The bins span the range of the last n candles. Ties go to the lower price for the point of control
    and upwards for the area. With no range or no volume all three are the close.
    """
    rings = 1 + 2 * (n + 2)
    at = rings + 6 * n
    for i in range(start, stop):
        seen = count_row(state)
        high, low = bars[HIGH, i], bars[LOW, i]
        top = slide_highest(state, 1, n, seen, high)
        bottom = -slide_highest(state, 3 + n, n, seen, -low)
        window = push(state, rings, n, seen, high) - rings
        push(state, rings + 2 * n, n, seen, low)
        push(state, rings + 4 * n, n, seen, bars[VOLUME, i])
        out[:, i] = math.nan
        if seen + 1 < n:
            continue
        out[:, i] = bars[CLOSE, i]
        step = (top - bottom) / bins
        if step > 0.0:
            candles = state[rings : rings + 6 * n].reshape(3, 2 * n)[:, window : window + n]
            volume = fill_bins(state, at, bins, bottom, step, candles)
            if volume > 0.0:
                busiest, first, last = value_area(state, at, bins, volume)
                out[0, i] = bottom + (busiest + 0.5) * step
                out[1, i] = bottom + (last + 1) * step
                out[2, i] = bottom + first * step
