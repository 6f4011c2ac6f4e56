"""Long series made short enough for a screen, and the buy-and-hold yardstick."""

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from agentic_trading.backtester.frames import SCHEMAS
from agentic_trading.backtester.metrics import DAYS_PER_YEAR
from agentic_trading.core.enums import DAY_NS, HOUR_NS, MINUTE_NS
from agentic_trading.core.models import CLOSE, HIGH, LOW, OPEN, CandleColumns, FloatArray, IntArray

CHART_CANDLES = 14_000
"""Most candles in one report, over all symbols."""
_FEWEST_CANDLES = 400
"""What every symbol gets however many there are."""

_STEPS_NS = (
    *(minutes * MINUTE_NS for minutes in (1, 2, 3, 5, 10, 15, 30)),
    *(hours * HOUR_NS for hours in (1, 2, 4, 6, 12)),
    *(days * DAY_NS for days in (1, 2, 4, 7)),
)


def thin(values: FloatArray, limit: int) -> IntArray:
    """Row numbers that keep the look of a line: first, last, and each bucket's lowest and highest.

    Shape (m,), ascending, m <= ``limit`` (at least 4). For display only.
    """
    count = values.shape[0]
    if count <= limit:
        return np.arange(count, dtype=np.int64)
    width = -(-count // ((limit - 2) // 2))
    buckets = -(-count // width)
    padded = np.full(buckets * width, values[-1])
    padded[:count] = values
    table = padded.reshape(buckets, width)
    first = np.arange(buckets, dtype=np.int64) * width
    rows = np.concatenate(([0, count - 1], first + table.argmin(axis=1), first + table.argmax(axis=1)))
    return distinct(np.minimum(rows, count - 1))


def distinct(rows: IntArray) -> IntArray:
    """The row numbers in ascending order, each once; ``np.unique`` would load masked arrays for it."""
    ordered = np.sort(rows)
    return ordered[np.diff(ordered, prepend=-1) > 0]


def price_candles(candles: Mapping[str, CandleColumns], total: int = CHART_CANDLES) -> pl.DataFrame:
    """The candles of a run for its charts, as the table ``prices``: at most ``total`` over all symbols.

    They are merged into the finest usual interval that fits. ``open_ns`` is the start of the interval,
    ``timestamp_ns`` the close of the last candle in it, so the last close of a symbol is always known.
    """
    limit = max(total // max(len(candles), 1), _FEWEST_CANDLES)
    parts = [_merged(columns, limit) for columns in candles.values() if len(columns)]
    return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEMAS["prices"])


def _merged(columns: CandleColumns, limit: int) -> pl.DataFrame:
    step_ns = _step_ns(columns, limit)
    opens, bars = columns.open_ns, columns.bars
    edges = np.arange(opens[0] // step_ns, opens[-1] // step_ns + 1) * step_ns
    first = distinct(
        np.searchsorted(opens, edges)
    )  # intervals without a candle begin where the next one does
    last = np.append(first[1:], len(columns)) - 1
    return pl.DataFrame(
        {
            "symbol": pl.repeat(columns.symbol, first.shape[0], dtype=pl.String, eager=True),
            "open_ns": opens[first] // step_ns * step_ns,
            "timestamp_ns": opens[last] + columns.timeframe.ns,
            "open": bars[OPEN, first],
            "high": np.maximum.reduceat(bars[HIGH], first),
            "low": np.minimum.reduceat(bars[LOW], first),
            "close": bars[CLOSE, last],
        }
    )


def _step_ns(columns: CandleColumns, limit: int) -> int:
    """The finest usual interval, a multiple of the candles' own, that makes at most ``limit`` of them."""
    own_ns = columns.timeframe.ns
    span_ns = int(columns.open_ns[-1] - columns.open_ns[0]) + own_ns
    for step_ns in (own_ns, *_STEPS_NS):
        # One more, because the first and the last may be cut by the edges of the interval.
        if step_ns % own_ns == 0 and span_ns <= (limit - 1) * step_ns:
            return step_ns
    week_ns = _STEPS_NS[-1]
    return week_ns * -(-span_ns // ((limit - 1) * week_ns))


def hold_growth(prices: pl.DataFrame, at_ns: IntArray) -> FloatArray:
    """What one unit of money, split equally over the symbols at their first open and held, is at ``at_ns``.

    ``prices`` as from `price_candles`. No fees, slippage or funding; a symbol that starts later keeps its
    part in cash until then. Shape of ``at_ns``; NaN everywhere without prices.
    """
    symbols = prices["symbol"].unique(maintain_order=True).to_list()
    if not symbols:
        return np.full(at_ns.shape[0], np.nan)
    total = np.zeros(at_ns.shape[0])
    for symbol in symbols:
        own = prices.filter(pl.col("symbol") == symbol)
        levels = np.concatenate((own["open"].head(1).to_numpy(), own["close"].to_numpy()))
        total += levels[np.searchsorted(own["timestamp_ns"].to_numpy(), at_ns, side="right")] / levels[0]
    return total / len(symbols)


def rolling(returns: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Sharpe ratio and volatility per year of every ``window`` daily returns in a row.

    Shape (n - window + 1,) each. The formulas of ``sharpe`` and ``volatility_ratio``; where returns do not
    vary the Sharpe ratio is NaN.
    """
    if returns.shape[0] < window:
        return np.empty(0), np.empty(0)
    views = np.lib.stride_tricks.sliding_window_view(returns, window)
    deviation = views.std(axis=1, ddof=1)
    steady = deviation <= 1e-12
    sharpe = views.mean(axis=1) / np.where(steady, np.nan, deviation) * math.sqrt(DAYS_PER_YEAR)
    return sharpe, deviation * math.sqrt(DAYS_PER_YEAR)
