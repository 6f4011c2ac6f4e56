"""The compiled price path behind the sample market: regimes, volatility, shocks, minute by minute.

One hidden Markov chain of four states (up, down, range, storm) is shared by all symbols. In a state
the log price of a symbol follows

    drift + response * (price - anchor) + volatility * (shared shock + own shock) + jumps

where the anchor is an average of past prices: a positive response carries trends on, a negative one
pulls ranges back. Volatility is an autoregressive process around the state's level times a pattern of
the day; shocks are a scale mixture of normals, which gives returns fat tails (Andrews & Mallows 1974).

Every draw is a function of (seed, stream, minute), so a longer path starts with the shorter one.
"""

import math

import numpy as np
import numpy.typing as npt

from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.core.numerics import compiled, exp, log, normal, uniform

CodeArray = npt.NDArray[np.int8]

UP, DOWN, RANGE, STORM = range(4)
SUB_STEPS = 6
"""Price moves within a minute; the extremes between them make the wicks."""
MINUTES_PER_DAY = 1440
FUNDING_MINUTES = 480

# Per symbol (BTC, ETH, SOL).
START_PRICE = np.array([42_000.0, 2_300.0, 100.0])
MINUTE_VOLATILITY = np.array([0.00081, 0.00102, 0.00129])
LOADING = np.array([1.0, 1.15, 1.4])
"""How strongly a symbol follows the shared drift and jumps."""
SHARED_SHOCK = np.array([0.85, 0.80, 0.72])
OWN_SHOCK = np.array([0.526783, 0.6, 0.693974])
"""Squares of shared and own shock sum to one."""
MINUTE_VOLUME = np.array([22.0, 240.0, 2_600.0])
TICKS_PER_UNIT = np.array([100.0, 100.0, 100.0])
LOTS_PER_UNIT = np.array([100_000.0, 10_000.0, 1_000.0])

# Per state (up, down, range, storm).
DRIFT = np.array([0.015, -0.015, 0.0, 0.0]) / MINUTES_PER_DAY
RESPONSE = np.array([0.0010, 0.0010, -0.0020, 0.0])
ANCHOR_SPEED = np.array([1.0 / 240, 1.0 / 240, 1.0 / 14_400, 1.0 / 240])
VOLATILITY_LEVEL = np.array([-0.20, -0.20, -0.45, 0.65])
"""Logarithm of the volatility around which a state moves, relative to `MINUTE_VOLATILITY`."""
SWITCH = np.array([1.0 / 4_320, 1.0 / 4_320, 1.0 / 3_600, 1.0 / 960])
"""Probability of leaving a state in a minute: trends last three days on average, storms sixteen hours."""
NEXT_UP = np.array([0.0, 0.20, 0.35, 0.35])
NEXT_UP_OR_DOWN = np.array([0.20, 0.20, 0.70, 0.70])
NEXT_NOT_STORM = np.array([0.75, 0.75, 0.70, 1.0])
"""Cumulative probabilities of the state that follows, in the order up, down, range, storm."""
REGIME_CODE = np.array([1, 1, 2, 3], dtype=np.int8)
"""The state as a position in `core.enums.REGIMES`: both trends are ``trending``."""

# Streams of random draws; those per symbol add the symbol's number.
STATE, VOLATILITY, SHARED, SHARED_TAIL, SHARED_JUMP = 1, 2, 3, 4, 5
OWN, OWN_TAIL, OWN_JUMP, OPENING, TURNOVER, PREMIUM = 16, 32, 48, 64, 80, 96


@compiled
def walk(
    seed: int, first_minute: int, bars: FloatArray, regime: CodeArray, funding: FloatArray, stamps: IntArray
) -> None:
    """Fill ``bars`` (3, 5, n), ``regime`` (n,), ``funding`` (3, k) and its rows ``stamps`` (k,).

    ``first_minute`` counts from the epoch. Funding is due on every row that opens at a multiple of
    eight hours and knows only the rows before it.
    """
    symbols, rows = bars.shape[0], bars.shape[2]
    price, anchor, premium = np.empty(symbols), np.empty(symbols), np.empty(symbols)
    for s in range(symbols):
        price[s] = log(START_PRICE[s])
        anchor[s] = price[s]
        premium[s] = price[s]
    shared = np.empty(SUB_STEPS)
    state, log_volatility, due = RANGE, VOLATILITY_LEVEL[RANGE], 0
    for row in range(rows):
        if (first_minute + row) % FUNDING_MINUTES == 0:
            stamps[due] = row
            for s in range(symbols):
                funding[s, due] = _funding_rate(seed, row, s, price[s] - premium[s])
            due += 1
        state = _next_state(state, uniform(seed, STATE, row), _from_home(price))
        regime[row] = REGIME_CODE[state]
        log_volatility += (VOLATILITY_LEVEL[state] - log_volatility) / 120.0
        log_volatility += 0.04 * normal(seed, VOLATILITY, row)
        pace = _pace(first_minute + row)
        scale = exp(log_volatility) * pace
        tail = _tail(uniform(seed, SHARED_TAIL, row))
        for k in range(SUB_STEPS):
            shared[k] = tail * normal(seed, SHARED, row * SUB_STEPS + k)
        shared_jump = _jump(seed, SHARED_JUMP, row, state)
        for s in range(symbols):
            drift = LOADING[s] * DRIFT[state] + RESPONSE[state] * (price[s] - anchor[s])
            jump = LOADING[s] * (shared_jump + _jump(seed, OWN_JUMP + s, row, state))
            price[s] = _minute(seed, row, s, price[s], drift, scale, shared, jump, bars[s])
            moved = abs(bars[s, 3, row] - bars[s, 0, row]) / (bars[s, 0, row] * MINUTE_VOLATILITY[s])
            bars[s, 4, row] = _volume(seed, row, s, pace, scale, moved)
            anchor[s] += (price[s] - anchor[s]) * ANCHOR_SPEED[state]
            premium[s] += (price[s] - premium[s]) / MINUTES_PER_DAY


@compiled
def _from_home(price: FloatArray) -> float:
    """The mean distance of the log prices from where they started."""
    total = 0.0
    for s in range(len(price)):
        total += price[s] - log(START_PRICE[s])
    return total / len(price)


@compiled
def _next_state(state: int, draw: float, from_home: float) -> int:
    """The state of the next minute; the part of the draw below the switching probability picks it.

    Far from home (mean log distance from the starting prices) the trend that leads back is likelier
    to follow a range or storm, so that years of prices stay within reason.
    """
    if draw >= SWITCH[state]:
        return state
    pick = draw / SWITCH[state]
    tilt = min(max(0.2 * from_home, -0.3), 0.3) if state >= RANGE else 0.0
    if pick < NEXT_UP[state] - tilt:
        return UP
    if pick < NEXT_UP_OR_DOWN[state]:
        return DOWN
    return RANGE if pick < NEXT_NOT_STORM[state] else STORM


@compiled
def _pace(minute: int) -> float:
    """How busy the market is: a bump at 14:30 UTC, a smaller one at 01:00, quieter weekends; about 1."""
    of_day = minute % MINUTES_PER_DAY
    pace = 0.72
    for centre, width, height in ((870, 150.0, 0.75), (60, 90.0, 0.25)):
        apart = abs(of_day - centre)
        distance = min(apart, MINUTES_PER_DAY - apart) / width
        pace += height / (1.0 + distance * distance)
    weekday = (minute // MINUTES_PER_DAY + 3) % 7  # the epoch was a Thursday; Monday is 0
    return pace * 0.85 if weekday >= 5 else pace


@compiled
def _tail(draw: float) -> float:
    """The scale of a shock: mostly calm, sometimes double, rarely four times; mean square about 1."""
    if draw < 0.90:
        return 0.80
    return 1.70 if draw < 0.99 else 4.0


@compiled
def _jump(seed: int, stream: int, row: int, state: int) -> float:
    """A sudden move in log price, zero in most minutes; four times as frequent in storms."""
    rate = 1.0 / 1_440 if state == STORM else 1.0 / 5_760
    draw = uniform(seed, stream, 2 * row)
    if draw >= rate:
        return 0.0
    return 0.007 * normal(seed, stream, 2 * row + 1)


@compiled
def _minute(
    seed: int, row: int, s: int, price: float, drift: float, scale: float, shared: FloatArray, jump: float,
    bars: FloatArray,
) -> float:  # fmt: skip
    """Walk one minute, write its open, high, low and close on the tick grid, return the log price."""
    step = scale * MINUTE_VOLATILITY[s] / math.sqrt(float(SUB_STEPS))
    x = price
    if uniform(seed, OPENING + s, 2 * row) < 0.08:  # the first trade is not always at the last close
        x += 0.5 * step * normal(seed, OPENING + s, 2 * row + 1)
    first, highest, lowest = x, x, x
    tail = _tail(uniform(seed, OWN_TAIL + s, row))
    for k in range(SUB_STEPS):
        own = tail * normal(seed, OWN + s, row * SUB_STEPS + k)
        x += drift / SUB_STEPS + step * (SHARED_SHOCK[s] * shared[k] + OWN_SHOCK[s] * own)
        if k == SUB_STEPS // 2:
            x += jump
        highest = max(highest, x)
        lowest = min(lowest, x)
    open_price, close_price = _to_tick(first, s), _to_tick(x, s)
    bars[0, row] = open_price
    bars[1, row] = max(_to_tick(highest, s), open_price, close_price)
    bars[2, row] = min(_to_tick(lowest, s), open_price, close_price)
    bars[3, row] = close_price
    return x


@compiled
def _to_tick(log_price: float, s: int) -> float:
    """The price nearest to a log price on the symbol's tick grid, at least one tick."""
    ticks = math.floor(exp(log_price) * TICKS_PER_UNIT[s] + 0.5)
    return float(max(ticks, 1) / TICKS_PER_UNIT[s])


@compiled
def _volume(seed: int, row: int, s: int, pace: float, scale: float, moved: float) -> float:
    """Traded quantity in whole lots, at least one: more when busy, volatile, or when the price moved."""
    chance = exp(0.45 * normal(seed, TURNOVER + s, row))
    activity = pace * scale * (0.35 + 0.65 * min(moved, 8.0)) * chance
    lots = math.floor(MINUTE_VOLUME[s] * activity * LOTS_PER_UNIT[s])
    return float(max(lots, 1) / LOTS_PER_UNIT[s])


@compiled
def _funding_rate(seed: int, row: int, s: int, above: float) -> float:
    """Funding of eight hours: one basis point of interest, plus what the last day's move is worth.

    ``above`` is the log distance from the average of the last day. Clamped to 0.3 %, eight decimals.
    """
    rate = 0.0001 + 0.006 * above + 0.00003 * normal(seed, PREMIUM + s, row)
    rate = min(max(rate, -0.003), 0.003)
    return math.floor(rate * 100_000_000.0 + 0.5) / 100_000_000.0
