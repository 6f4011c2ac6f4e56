"""The one equity function: positions, cash and prices of a row in, the account's value out.

One compiled function marks one row or a million; equity is never accumulated, so a row's value depends
on that row's prices and on nothing before it.
"""

import numpy as np
from numba import njit

from agentic_trading.core.models import FloatArray

EQUITY, CASH, GROSS, NET, DRAWDOWN = range(5)
"""Row numbers in the output matrix of `mark_rows`."""


def new_peaks(capital: float) -> FloatArray:
    """State of `mark_rows`: running peak of equity, starting from the capital."""
    return np.array([capital])


@njit(cache=True)
def mark_rows(
    peak: FloatArray,
    quantities: FloatArray,
    quote_value: float,
    cash: float,
    prices: FloatArray,
    out: FloatArray,
    start: int,
    stop: int,
) -> None:
    """Mark rows ``start..stop``: equity = quote_value + sum of quantity * price, in symbol order.

    ``quantities`` has shape (symbols,), ``prices`` (rows, symbols), ``out`` (5, rows): equity, cash,
    gross and net exposure, and drawdown as a ratio below the running peak kept in ``peak[0]``.
    A symbol without a price yet (NaN) must not be held; it counts as nothing.
    """
    for row in range(start, stop):
        value = quote_value
        gross = 0.0
        net = 0.0
        for symbol in range(quantities.shape[0]):
            if quantities[symbol] != 0.0:
                notional = quantities[symbol] * prices[row, symbol]
                value += notional
                net += notional
                gross += abs(notional)
        if value > peak[0]:
            peak[0] = value
        out[0, row] = value
        out[1, row] = cash
        out[2, row] = gross
        out[3, row] = net
        out[4, row] = (peak[0] - value) / peak[0] if peak[0] > 0.0 else 0.0
