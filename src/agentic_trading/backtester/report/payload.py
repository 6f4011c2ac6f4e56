"""What the charts of the HTML page are drawn from: compact columns, which `page.js` turns into pictures."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from agentic_trading.backtester.report.content import Content
from agentic_trading.backtester.report.series import distinct, hold_growth, rolling, thin
from agentic_trading.backtester.report.trade_list import trade_list
from agentic_trading.backtester.result import Result
from agentic_trading.core.enums import DAY_NS, SECOND_NS
from agentic_trading.core.models import FloatArray, IntArray

CURVE_ROWS = 2_400
"""Most points of the account curves, which share one time axis."""
ROLLING_DAYS = 30
MIN_DAYS = 20
"""Fewer daily returns have no distribution worth a picture."""

Numbers = Sequence[float | None] | npt.NDArray[Any] | pl.Series


def payload(result: Result, content: Content) -> dict[str, Any]:
    """All data of the charts, ready for JSON.

    Long columns are ``{"type": "f4" | "f8" | "i4" | "u2", "b64": ...}``, little-endian; ``t`` are seconds
    from ``start_s``. What the run is too short for is None.
    """
    return {
        "quote": str(result.summary.get("quote", "")),
        "capital": result.capital,
        "curve": _curve(result),
        "band": _band(result),
        "days": _distribution(result, content.daily_returns),
        "rolling": _rolling(content),
        "bridge": content.bridge,
        "candles": _candles(result.prices),
        "trades": _trades(result),
        "open": _open_positions(result.open_positions),
    }


def packed(values: Numbers, kind: str = "f4") -> dict[str, str]:
    """Numbers as base64 of little-endian ``kind``; None becomes NaN."""
    array = np.asarray(values, dtype=f"<{kind}")
    return {"type": kind, "b64": b64encode(array.tobytes()).decode("ascii")}


def _coded(values: Sequence[str | None]) -> dict[str, Any]:
    """Text with few different values: the values once, then a number for each row."""
    names: dict[str, int] = {}
    codes = [names.setdefault(value or "", len(names)) for value in values]
    return {"names": list(names), "at": packed(codes, "u2")}


def _curve(result: Result) -> dict[str, Any] | None:
    """Equity against buy and hold, drawdown and exposure at rows that keep the extremes of each."""
    table = result.equity
    if not table.height:
        return None
    equity, gross, net = (table[name].to_numpy() for name in ("equity", "gross_exposure", "net_exposure"))
    positive = np.where(equity > 0, equity, np.nan)
    quarter = CURVE_ROWS // 4
    extremes = (thin(equity, 2 * quarter), thin(gross, quarter), thin(net, quarter))
    rows = distinct(np.concatenate(extremes))
    at_ns = table["timestamp_ns"].to_numpy()[rows]
    return {
        **_times(at_ns),
        "equity": packed(equity[rows], "f8"),
        "hold": packed(hold_growth(result.prices, at_ns) * result.capital),
        "below": packed(-table["drawdown_ratio"].to_numpy()[rows]),
        "gross": packed(gross[rows] / positive[rows]),
        "net": packed(net[rows] / positive[rows]),
    }


def _times(at_ns: IntArray) -> dict[str, Any]:
    start_s = int(at_ns[0]) // SECOND_NS
    return {"start_s": start_s, "t": packed(at_ns // SECOND_NS - start_s, "i4")}


def _band(result: Result) -> dict[str, Any] | None:
    """The curves between which the result lies under other assumptions, where the run has them."""
    curve = (result.summary.get("band") or {}).get("curve")
    if not curve or not len(curve["timestamp_ns"]):
        return None
    at_ns = np.asarray(curve["timestamp_ns"], dtype=np.int64)
    low, high = (np.asarray(curve[name], dtype=np.float64) for name in ("pessimistic", "optimistic"))
    rows = thin(low, CURVE_ROWS // 2)
    return {**_times(at_ns[rows]), "low": packed(low[rows]), "high": packed(high[rows])}


def _distribution(result: Result, daily: FloatArray) -> dict[str, Any] | None:
    """Daily returns other than zero, counted in bins of a round width, one of which begins at zero."""
    moved = np.sort(daily[daily != 0])
    count = moved.shape[0]
    if count < MIN_DAYS:
        return None
    spread = float(moved[-1 - count // 50] - moved[count // 50])
    widths = (0.0005, 0.001, 0.002, 0.0025, 0.005, 0.01, 0.02, 0.05)
    width = next((each for each in widths if spread <= 36 * each), 0.1)
    bins = np.floor(moved / width + 1e-9).astype(np.int64)
    first, last = max(int(bins[0]), -200), min(int(bins[-1]), 200)
    counts = np.bincount(np.clip(bins, first, last) - first, minlength=last - first + 1)
    return {
        "first": first,
        "width": width,
        "counts": counts.tolist(),
        "unmoved": int(daily.shape[0] - count),
        "mean": float(daily.mean()),
        "var_95": result.metrics.get("var_95_ratio"),
        "es_95": result.metrics.get("es_95_ratio"),
    }


def _rolling(content: Content) -> dict[str, Any] | None:
    sharpe, volatility = rolling(content.daily_returns, ROLLING_DAYS)
    if sharpe.shape[0] < ROLLING_DAYS:
        return None
    ends = content.day_end_ns[ROLLING_DAYS - 1 : content.daily_returns.shape[0]]
    half = CURVE_ROWS // 2
    rows = distinct(np.concatenate((thin(np.nan_to_num(sharpe), half), thin(volatility, half))))
    return {
        **_times(ends[rows] - DAY_NS),
        "days": ROLLING_DAYS,
        "sharpe": packed(sharpe[rows]),
        "volatility": packed(volatility[rows]),
    }


def _candles(prices: pl.DataFrame) -> dict[str, Any]:
    """Candles by symbol; ``t`` is left out where they follow each other without a gap."""
    found: dict[str, Any] = {}
    for symbol in prices["symbol"].unique(maintain_order=True).to_list():
        own = prices.filter(pl.col("symbol") == symbol)
        opens = own["open_ns"].to_numpy()
        steps = np.diff(opens)
        step_ns = int(steps.min()) if steps.shape[0] else int(own["timestamp_ns"][0] - opens[0])
        times = _times(opens)
        if not np.any(steps != step_ns):
            times["t"] = None
        bars = {name[0]: packed(own[name]) for name in ("open", "high", "low", "close")}
        found[symbol] = {**times, "step_s": step_ns // SECOND_NS, **bars}
    return found


def _trades(result: Result) -> dict[str, Any]:
    trades, total = trade_list(result)
    return {
        "total": total,
        "number": packed(trades["trade"].str.extract(r"(\d+)$").cast(pl.Int32), "i4"),
        "strategy": _coded(trades["strategy"].to_list()),
        "symbol": _coded(trades["symbol"].to_list()),
        "direction": _coded(trades["direction"].to_list()),
        "regime": _coded(trades["regime"].to_list()),
        "exit": _coded(trades["exit_reason"].to_list()),
        "why": _coded(trades["why"].to_list()),
        "entry_ms": packed(trades["entry_ns"] // 1_000_000, "f8"),
        "exit_ms": packed(trades["exit_ns"] // 1_000_000, "f8"),
        "quantity": packed(trades["quantity"], "f8"),
        "entry": packed(trades["entry_price"], "f8"),
        "exit_price": packed(trades["exit_price"], "f8"),
        "stop": packed(trades["stop"].to_list(), "f8"),
        "net": packed(trades["net"], "f8"),
        "gross": packed(trades["gross"]),
        "fees": packed(trades["fees"]),
        "funding": packed(trades["funding"]),
    }


def _open_positions(positions: pl.DataFrame) -> list[Mapping[str, Any]]:
    return [
        {
            "strategy": row["strategy"],
            "symbol": row["symbol"],
            "direction": row["direction"],
            "ms": row["entry_ns"] // 1_000_000,
            "price": float(row["entry_price"]),
            "quantity": float(row["quantity"]),
        }
        for row in positions.iter_rows(named=True)
    ]
