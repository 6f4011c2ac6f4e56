"""The one equity function: positions, cash and prices of a row in, the account's value out.

One compiled function marks one row or a million; equity is never accumulated, so a row's value depends
on that row's prices and on nothing before it.
"""

import numpy as np
import numpy.typing as npt

from agentic_trading.core.models import FloatArray
from agentic_trading.core.numerics import compiled

ByteArray = npt.NDArray[np.int8]

EQUITY, CASH, GROSS, NET, DRAWDOWN = range(5)
"""Row numbers in the output matrix of `mark_rows`."""

PEAK, DAY_START, LAST, DROP, DAY_LOSS = range(5)
"""Positions in the state of `mark_rows`: running peak, equity at the start of the day, last equity; and as
ratios how far that is below the two (NaN for a day that began with nothing)."""

DAY_BEFORE, DAY_AFTER = 1, 2
"""Day edges of a row: a UTC day began since the row before it, or begins as the row closes."""

MAX_DRAWDOWN, MAX_DAY_LOSS, MIN_EQUITY = range(3)
"""Positions in the limits of `mark_rows`."""

NO_LIMITS = np.array([np.inf, np.inf, -np.inf])
"""Every row is marked."""


def new_levels(capital: float) -> FloatArray:
    """State of `mark_rows` for an account that starts with ``capital``; shape (5,)."""
    return np.array([capital, capital, capital, 0.0, 0.0 if capital > 0.0 else np.nan])


@compiled
def mark_rows(
    levels: FloatArray,
    quantities: FloatArray,
    quote_value: float,
    cash: float,
    prices: FloatArray,
    day_edges: ByteArray,
    limits: FloatArray,
    out: FloatArray,
    out_row: int,
    start: int,
    stop: int,
    day_ends: bool,
) -> int:
    """Mark rows ``start..stop`` and return the first row that was not marked.

    equity = quote_value + sum of quantity * price, in symbol order. ``quantities`` has shape (symbols,),
    ``prices`` (symbols, rows). ``out`` (5, ...) receives, from ``out_row`` on, equity, cash, gross and
    net exposure, and drawdown as a ratio below the running peak. A symbol that is not held may have no
    price yet (NaN). ``day_edges`` (rows,) says where the day's start equity is taken anew; without
    ``day_ends`` not by a day that begins as a row closes: somebody is still to see the row.
    Stops before a row at which drawdown, the day's loss or equity itself is beyond its limit, so that
    somebody can look.
    """
    for row in range(start, stop):
        value = quote_value
        gross = 0.0
        net = 0.0
        for symbol in range(quantities.shape[0]):
            if quantities[symbol] != 0.0:
                notional = quantities[symbol] * prices[symbol, row]
                value += notional
                net += notional
                gross += abs(notional)
        peak = max(levels[PEAK], value)
        drawdown = (peak - value) / peak if peak > 0.0 else 0.0
        day_start = levels[LAST] if day_edges[row] & DAY_BEFORE else levels[DAY_START]
        day_loss = (day_start - value) / day_start if day_start > 0.0 else np.nan
        if drawdown > limits[MAX_DRAWDOWN] or day_loss > limits[MAX_DAY_LOSS]:
            return row
        if value <= limits[MIN_EQUITY]:
            return row
        if day_ends and day_edges[row] & DAY_AFTER:
            day_start = value
            day_loss = 0.0 if value > 0.0 else np.nan
        levels[PEAK] = peak
        levels[DAY_START] = day_start
        levels[LAST] = value
        levels[DROP] = drawdown
        levels[DAY_LOSS] = day_loss
        at = out_row + row - start
        out[EQUITY, at] = value
        out[CASH, at] = cash
        out[GROSS, at] = gross
        out[NET, at] = net
        out[DRAWDOWN, at] = drawdown
    return stop
