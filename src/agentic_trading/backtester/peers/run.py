"""What other engines compute their figures from: equity at candles, and closed trades."""

from typing import NamedTuple

import numpy as np
import polars as pl

from agentic_trading.backtester.result import Result
from agentic_trading.core.models import FloatArray, IntArray


class PeerRun(NamedTuple):
    """A run as arrays: (n,) candles by their opens with the equity at their closes, and (m,) trades.

    ``profit`` is net of fees and funding in quote, ``return_ratio`` the same over the value at entry.
    Trades are in order of exit. Positions still open are in the equity and are not trades.
    """

    capital: float
    open_ns: IntArray
    equity: FloatArray
    entry_ns: IntArray
    exit_ns: IntArray
    profit: FloatArray
    return_ratio: FloatArray


def peer_run(result: Result) -> PeerRun:
    """The arrays of a result. A run without candles counts as one candle with the capital."""
    close_ns = result.equity["timestamp_ns"].to_numpy()
    equity = result.equity["equity"].to_numpy()
    if not close_ns.shape[0]:
        close_ns, equity = np.zeros(1, dtype=np.int64), np.array([result.capital])
    length = int(np.diff(close_ns).min()) if close_ns.shape[0] > 1 else 0
    trades = result.trades
    profit, quantity, price = (
        trades[name].cast(pl.Float64).to_numpy() for name in ("net", "quantity", "entry_price")
    )
    entry_ns, exit_ns = (trades[name].to_numpy() for name in ("entry_ns", "exit_ns"))
    return PeerRun(
        result.capital, close_ns - length, equity, entry_ns, exit_ns, profit, profit / (quantity * price)
    )


def known(values: dict[str, float]) -> dict[str, float | None]:
    """Plain numbers, counts as whole ones; None where a peer shows NaN or an infinity."""
    return {name: _known(value) for name, value in values.items()}


def _known(value: float) -> float | None:
    if isinstance(value, int):
        return value
    return float(value) if np.isfinite(value) else None
