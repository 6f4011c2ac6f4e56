"""Long series for charts: thinned to what a screen can show, and the buy-and-hold yardstick."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from agentic_trading.core.models import CLOSE, OPEN, CandleColumns, FloatArray, IntArray

CHART_POINTS = 4000
"""Largest number of points of one line in a report."""


def thin(values: FloatArray, limit: int = CHART_POINTS) -> IntArray:
    """Row numbers that keep the look of a line: first, last, and each bucket's lowest and highest.

    Shape (m,), ascending, m <= ``limit``. For display only.
    """
    count = values.shape[0]
    if count <= limit:
        return np.arange(count, dtype=np.int64)
    buckets = (limit - 2) // 2
    edges = np.linspace(0, count, buckets + 1).astype(np.int64)
    rows = np.empty(2 * buckets + 2, dtype=np.int64)
    rows[0], rows[-1] = 0, count - 1
    for number in range(buckets):
        start, stop = edges[number], edges[number + 1]
        part = values[start:stop]
        rows[1 + 2 * number] = start + int(part.argmin())
        rows[2 + 2 * number] = start + int(part.argmax())
    return np.unique(rows)


def price_lines(candles: Mapping[str, CandleColumns], limit: int = CHART_POINTS) -> pl.DataFrame:
    """Prices of a run for its charts: columns symbol, timestamp_ns, price, at most ``limit`` rows each.

    The first row of a symbol is its first open, the others are closes; the last close is always kept.
    """
    parts = []
    for symbol, columns in candles.items():
        if not len(columns):
            continue
        price = np.concatenate(([columns.bars[OPEN, 0]], columns.bars[CLOSE]))
        at_ns = np.concatenate(([columns.open_ns[0]], columns.close_ns))
        rows = thin(price, limit)
        parts.append(pl.DataFrame({"symbol": symbol, "timestamp_ns": at_ns[rows], "price": price[rows]}))
    if not parts:
        return pl.DataFrame(schema={"symbol": pl.String, "timestamp_ns": pl.Int64, "price": pl.Float64})
    return pl.concat(parts)


def buy_and_hold(prices: pl.DataFrame, capital: float, at_ns: IntArray) -> FloatArray:
    """Value at ``at_ns`` of ``capital`` split equally over the symbols at their first open and held.

    ``prices`` as from `price_lines`. No fees, slippage or funding; a symbol that starts later keeps
    its part in cash until then. Shape of ``at_ns``; NaN everywhere without prices.
    """
    symbols = prices["symbol"].unique(maintain_order=True).to_list()
    if not symbols:
        return np.full(at_ns.shape[0], np.nan)
    total = np.zeros(at_ns.shape[0])
    part = capital / len(symbols)
    for symbol in symbols:
        line = prices.filter(pl.col("symbol") == symbol)
        price = line["price"].to_numpy()
        seen = np.searchsorted(line["timestamp_ns"].to_numpy(), at_ns, side="right")
        total += part / price[0] * price[np.maximum(seen - 1, 0)]
    return total
