"""The charts of the HTML report as plain JSON specs; colours are CSS variables that the page resolves."""

import math
from html import escape
from typing import Any

import numpy as np
import polars as pl

from agentic_trading.backtester.report.series import CHART_POINTS, buy_and_hold, thin
from agentic_trading.backtester.result import Result
from agentic_trading.core.clock import iso
from agentic_trading.core.models import FloatArray, IntArray

MARKED_TRADES = 1500
"""Most trades marked on the price chart of one symbol; of more, those with the largest results."""

Figure = dict[str, Any]


def figures_of(result: Result, daily: FloatArray) -> dict[str, Any]:
    """All charts: ``curve``, ``days`` (None with few days) and ``prices`` by symbol."""
    symbols = result.prices["symbol"].unique(maintain_order=True).to_list()
    return {
        "curve": _curve(result),
        "days": _histogram(daily) if daily.shape[0] >= 20 else None,
        "prices": {symbol: _price(result, symbol) for symbol in symbols},
    }


def _ms(at_ns: IntArray) -> list[int]:
    return [int(each) for each in (at_ns // 1_000_000).tolist()]


def _short(values: FloatArray) -> list[float | None]:
    """Seven significant digits are more than a screen shows; what is not finite becomes a gap."""
    return [float(f"{value:.7g}") if math.isfinite(value) else None for value in values.tolist()]


def _curve(result: Result) -> Figure:
    """Equity against buy and hold, drawdown below it, exposure at the bottom, one time axis."""
    at_ns = result.equity["timestamp_ns"].to_numpy()
    equity = result.equity["equity"].to_numpy()
    drawdown = -result.equity["drawdown_ratio"].to_numpy()
    gross = result.equity["gross_exposure"].to_numpy()
    exposure = np.divide(gross, equity, out=np.zeros_like(equity), where=equity > 0)
    rows = thin(equity)
    hold_rows = thin(equity, CHART_POINTS // 4)
    hold = buy_and_hold(result.prices, result.capital, at_ns[hold_rows])
    below, exposed = thin(drawdown), thin(exposure)
    line = {"type": "scatter", "mode": "lines"}
    percent = "%{x|%Y-%m-%d %H:%M}  %{y:.2%}"
    data = [
        {**line, "name": "Buy and hold", "x": _ms(at_ns[hold_rows]), "y": _short(hold), "yaxis": "y",
         "line": {"color": "var(--muted)", "width": 1.2, "dash": "dot"},
         "hovertemplate": "%{y:,.2f}"},
        {**line, "name": "Equity", "x": _ms(at_ns[rows]), "y": _short(equity[rows]), "yaxis": "y",
         "line": {"color": "var(--accent)", "width": 1.8},
         "hovertemplate": "%{y:,.2f}"},
        {**line, "name": "Drawdown", "x": _ms(at_ns[below]), "y": _short(drawdown[below]), "yaxis": "y2",
         "fill": "tozeroy", "fillcolor": "var(--bad-soft)", "line": {"color": "var(--bad)", "width": 1},
         "hovertemplate": percent, "showlegend": False},
        {**line, "name": "Exposure", "x": _ms(at_ns[exposed]), "y": _short(exposure[exposed]), "yaxis": "y3",
         "fill": "tozeroy", "fillcolor": "var(--accent-soft)",
         "line": {"color": "var(--accent)", "width": 0.5}, "hovertemplate": percent, "showlegend": False},
    ]  # fmt: skip
    layout = {
        "height": 560,
        "xaxis": {"type": "date", "anchor": "y3"},
        "yaxis": {"domain": [0.44, 1.0], "title": {"text": "Equity"}, "tickformat": ",.3~s"},
        "yaxis2": {"domain": [0.18, 0.40], "title": {"text": "Drawdown"}, "tickformat": ".0%"},
        "yaxis3": {"domain": [0.0, 0.14], "title": {"text": "Exposure"}, "tickformat": ".0%", "nticks": 3},
        "legend": {"orientation": "h", "x": 0, "y": 1.06},
    }
    return {"data": data, "layout": layout}


def _histogram(daily: FloatArray) -> Figure:
    data = [
        {
            "type": "histogram", "x": _short(daily), "nbinsx": 60, "name": "Days",
            "marker": {"color": "var(--accent)"}, "hovertemplate": "%{x}: %{y} days<extra></extra>",
        }
    ]  # fmt: skip
    layout = {
        "height": 280, "bargap": 0.08, "showlegend": False, "hovermode": "closest",
        "xaxis": {"tickformat": "+.1%", "title": {"text": "Return of a UTC day"}},
        "yaxis": {"title": {"text": "Days"}},
    }  # fmt: skip
    return {"data": data, "layout": layout}


def _price(result: Result, symbol: str) -> Figure:
    """Price with every trade as a line from entry to exit, entries, exits and stops marked."""
    line = result.prices.filter(pl.col("symbol") == symbol)
    trades = result.trades.filter(pl.col("symbol") == symbol)
    total = trades.height
    if total > MARKED_TRADES:
        largest = trades["net"].cast(pl.Float64).abs().arg_sort(descending=True).head(MARKED_TRADES)
        trades = trades[largest.sort()]
    data: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "name": "Price",
            "x": _ms(line["timestamp_ns"].to_numpy()), "y": _short(line["price"].to_numpy()),
            "line": {"color": "var(--muted)", "width": 1.1}, "hovertemplate": "%{y:,.8~g}",
        }
    ]  # fmt: skip
    rows = list(trades.iter_rows(named=True))
    data += _paths(rows)
    data += _entries(rows, "long", "triangle-up", "var(--good)")
    data += _entries(rows, "short", "triangle-down", "var(--bad)")
    stops = ["stop" in (row["exit_reason"] or "") for row in rows]
    data += _exits([row for row, stop in zip(rows, stops, strict=True) if not stop], "Exit", "circle-open")
    data += _exits([row for row, stop in zip(rows, stops, strict=True) if stop], "Stopped", "x-thin")
    data += _still_open(result, symbol)
    layout = {
        "height": 460, "hovermode": "closest", "xaxis": {"type": "date"},
        "yaxis": {"title": {"text": symbol}, "tickformat": ",~g"},
        "legend": {"orientation": "h", "x": 0, "y": 1.1},
    }  # fmt: skip
    note = f"the {len(rows):,} trades with the largest results of {total:,}" if total > len(rows) else ""
    return {"data": data, "layout": layout, "note": note}


def _paths(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for name, colour, won in (("Won", "var(--good)", True), ("Lost", "var(--bad)", False)):
        x: list[int | None] = []
        y: list[float | None] = []
        for row in rows:
            if (float(row["net"]) > 0) is won:
                x += [row["entry_ns"] // 1_000_000, row["exit_ns"] // 1_000_000, None]
                y += [float(row["entry_price"]), float(row["exit_price"]), None]
        if x:
            found.append({
                "type": "scatter", "mode": "lines", "name": name, "x": x, "y": y, "hoverinfo": "skip",
                "line": {"color": colour, "width": 1.4},
            })  # fmt: skip
    return found


def _entries(rows: list[dict[str, Any]], direction: str, shape: str, colour: str) -> list[dict[str, Any]]:
    taken = [row for row in rows if row["direction"] == direction]
    text = [f"{escape(row['strategy'])} {direction} {row['quantity']}<br>{iso(row['entry_ns'])}"
            f"<br>{row['regime']}" for row in taken]  # fmt: skip
    marker = {"symbol": shape, "size": 8, "color": colour, "line": {"width": 1, "color": "var(--card)"}}
    return _markers(f"{direction.capitalize()} entry", taken, "entry", text, marker)


def _exits(rows: list[dict[str, Any]], name: str, shape: str) -> list[dict[str, Any]]:
    text = [f"{escape(row['strategy'])} closes {row['direction']}: net {float(row['net']):+,.2f}"
            f"<br>{iso(row['exit_ns'])}<br>{escape(row['exit_reason'] or '')}" for row in rows]  # fmt: skip
    colours = ["var(--good)" if float(row["net"]) > 0 else "var(--bad)" for row in rows]
    marker = {"symbol": shape, "size": 6, "color": colours, "line": {"width": 1.3, "color": colours}}
    return _markers(name, rows, "exit", text, marker)


def _still_open(result: Result, symbol: str) -> list[dict[str, Any]]:
    rows = list(result.open_positions.filter(pl.col("symbol") == symbol).iter_rows(named=True))
    text = [f"{escape(row['strategy'])} still {row['direction']} {row['quantity']}" for row in rows]
    marker = {"symbol": "star", "size": 11, "color": "var(--accent)"}
    return _markers("Open at the end", rows, "entry", text, marker)


def _markers(
    name: str, rows: list[dict[str, Any]], end: str, text: list[str], marker: dict[str, Any]
) -> list[dict[str, Any]]:
    if not rows:
        return []
    return [{
        "type": "scatter", "mode": "markers", "name": name, "text": text, "marker": marker,
        "x": [row[f"{end}_ns"] // 1_000_000 for row in rows],
        "y": [float(row[f"{end}_price"]) for row in rows],
        "hovertemplate": "%{y:,.8~g}<br>%{text}<extra></extra>",
    }]  # fmt: skip
