"""Risk statistics of equity curves and return series, with sums that run left to right on every CPU.

Every function takes float64 arrays of shape (n,). Too few values, or a NaN among them, give NaN: there
is no number to report, and callers say so instead of showing one.
"""

import math

import numpy as np

from agentic_trading.core.models import FloatArray
from agentic_trading.core.numerics import compiled


@compiled
def mean(values: FloatArray) -> float:
    """The arithmetic mean; NaN if empty."""
    count = len(values)
    if count == 0:
        return math.nan
    total = 0.0
    for i in range(count):
        total += values[i]
    return total / count


@compiled
def std(values: FloatArray, ddof: int = 1) -> float:
    """The standard deviation, by default of a sample (``ddof`` 1); NaN with ``ddof`` values or fewer.

    Two passes: the mean first, then the squared distances from it.
    """
    count = len(values)
    if count <= ddof or count == 0:
        return math.nan
    centre = mean(values)
    total = 0.0
    for i in range(count):
        distance = values[i] - centre
        total += distance * distance
    return math.sqrt(total / (count - ddof))


def drawdowns(equity: FloatArray) -> FloatArray:
    """How far each value lies below the highest value so far, as a ratio of that peak, shape (n,).

    0 at a new peak, 0.25 a quarter below it, above 1 when equity is negative. NaN where the value is
    NaN or no positive peak exists yet.
    """
    below = np.empty(len(equity))
    _drawdowns(equity, below)
    return below


@compiled
def _drawdowns(equity: FloatArray, below: FloatArray) -> None:
    peak = 0.0
    for i in range(len(equity)):
        value = equity[i]
        if value > peak:  # not max(): a NaN must not become the peak
            peak = value
        below[i] = (peak - value) / peak if peak > 0.0 else math.nan


def value_at_risk(returns: FloatArray, level: float) -> float:
    """Historical value at risk: the loss, positive, that a share ``level`` of the returns did not exceed.

    The order statistic of rank ceil((1 - level) n) among n ascending returns, negated: the inverse
    of the empirical distribution, without interpolation (type 1 of Hyndman & Fan 1996). With 100
    returns and level 0.95 it is the fifth worst. NaN unless n >= 1 and 0 < level < 1.
    """
    tail = _tail_count(returns, level)
    if math.isnan(tail):
        return math.nan
    return 0.0 - float(np.sort(returns)[math.ceil(tail) - 1])


def expected_shortfall(returns: FloatArray, level: float) -> float:
    """Historical expected shortfall: the mean loss, positive, in the worst share ``1 - level`` of returns.

    The average of value at risk over all levels beyond ``level`` (Acerbi & Tasche 2002): the worst
    (1 - level) n returns count, the last of them by its fraction. So it is never below value at risk.
    NaN unless n >= 1 and 0 < level < 1.
    """
    tail = _tail_count(returns, level)
    if math.isnan(tail):
        return math.nan
    return _mean_beyond(np.sort(returns), math.ceil(tail) - 1, tail)


@compiled
def _mean_beyond(ascending: FloatArray, last: int, tail: float) -> float:
    # Distances beyond the last one counted: none is negative, so rounding cannot put the mean below it.
    excess = 0.0
    for i in range(last):
        excess += ascending[last] - ascending[i]
    return excess / tail - float(ascending[last])


@compiled
def realized_volatility(returns: FloatArray, periods_per_year: float) -> float:
    """Annualised realized volatility, a ratio: sqrt(mean of squared returns * ``periods_per_year``).

    No mean is subtracted: over short periods it is noise (Andersen & Bollerslev 1998). NaN if empty.
    """
    count = len(returns)
    if count == 0:
        return math.nan
    total = 0.0
    for i in range(count):
        total += returns[i] * returns[i]
    return math.sqrt(total / count * periods_per_year)


@compiled
def _tail_count(returns: FloatArray, level: float) -> float:
    """``(1 - level) n``, or NaN if there is no such tail.

    A product within 1e-9 of a whole number is that number: 0.95 is not exact in binary, and the
    fifth worst of a hundred must not become the sixth.
    """
    count = len(returns)
    if count == 0 or not 0.0 < level < 1.0:
        return math.nan
    for i in range(count):
        if math.isnan(returns[i]):
            return math.nan
    tail = (1.0 - level) * count
    whole = math.floor(tail + 0.5)
    return float(whole) if whole >= 1 and abs(tail - whole) < 1e-9 else tail
