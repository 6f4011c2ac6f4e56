"""What a report says, worked out once: the terminal and the HTML page only differ in how they draw it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from agentic_trading.backtester.metrics import daily_equity, daily_returns
from agentic_trading.backtester.report.breakdown import Period, Slice, periods, refusals_by_code, slices
from agentic_trading.backtester.report.grids import (
    assumption_rows,
    band_grid,
    break_even_rows,
    open_grid,
    refusal_grid,
    split_grid,
)
from agentic_trading.backtester.report.plausibility import warnings_for
from agentic_trading.backtester.report.text import NONE_TEXT, Grid, Row, money, percent, plain, tone_of
from agentic_trading.backtester.result import Result
from agentic_trading.core.clock import iso
from agentic_trading.core.enums import DAY_NS
from agentic_trading.core.models import FloatArray, IntArray


class Content(NamedTuple):
    """All parts of a report, in reading order."""

    run_id: str
    mode: str
    strategies: str
    symbols: str
    period: str
    sentence: str
    headline: tuple[Row, ...]
    band: Grid
    break_even: tuple[Row, ...]
    assumptions: tuple[Row, ...]
    returns: tuple[Row, ...]
    risk: tuple[Row, ...]
    trading: tuple[Row, ...]
    costs: tuple[Row, ...]
    peer: tuple[str, tuple[Row, ...]]
    """The figures of another engine under its name; without rows where none was asked for."""
    bridge: tuple[tuple[str, float], ...]
    """From the result before costs to the net one: label and amount, in quote; the last is their sum."""
    per_strategy: Grid
    per_symbol: Grid
    slices: Mapping[str, tuple[Slice, ...]]
    open_positions: Grid
    periods: tuple[Period, ...]
    day_end_ns: IntArray
    daily_returns: FloatArray
    refusals: Grid
    data: tuple[Row, ...]
    warnings: tuple[str, ...]
    provenance: tuple[Row, ...]


def content_of(result: Result) -> Content:
    """Everything a report shows about a result."""
    summary, metrics = result.summary, result.metrics
    at_ns = result.equity["timestamp_ns"].to_numpy()
    start_ns = _start_ns(result)
    end_ns = int(at_ns[-1]) if at_ns.shape[0] else start_ns
    days = (end_ns - start_ns) / DAY_NS
    day_end_ns, day_equity = daily_equity(at_ns, result.equity["equity"].to_numpy(), result.capital)
    stopped = refusals_by_code(result.decisions)
    counts = summary.get("counts", {})
    warnings = [str(text) for text in summary.get("warnings", [])]
    warnings += [text for text in warnings_for(metrics, days, stopped, counts.get("signals", 0))
                 if text not in warnings]  # fmt: skip
    figure = _figures(summary)
    return Content(
        run_id=str(summary.get("run_id", "")),
        mode=str(summary.get("mode", "backtest")),
        strategies=_names(summary.get("strategies", [])),
        symbols=_names(summary.get("symbols", [])),
        period=f"{iso(start_ns)[:16]} to {iso(end_ns)[:16]} UTC ({days:,.1f} days)",
        sentence=_sentence(result, days),
        headline=_headline(result, figure),
        band=band_grid(summary.get("band") or {}),
        break_even=break_even_rows(summary.get("band") or {}),
        assumptions=assumption_rows(summary.get("band") or {}),
        returns=_rows(figure, _RETURNS),
        risk=(*_rows(figure, _RISK), _worst_day(day_end_ns.tolist(), day_equity, result.capital)),
        trading=(*_rows(figure, _TRADING), *_count_rows(counts)),
        costs=_cost_rows(summary, _traded(result)),
        peer=_peer(summary.get("peer_metrics") or {}),
        bridge=_bridge(summary),
        per_strategy=split_grid("Strategy", summary.get("per_strategy", {})),
        per_symbol=split_grid("Symbol", summary.get("per_symbol", {})),
        slices=slices(result.trades),
        open_positions=open_grid(result.open_positions),
        periods=periods(day_end_ns, day_equity, result.capital, result.trades["exit_ns"].to_numpy()),
        day_end_ns=day_end_ns,
        daily_returns=daily_returns(day_equity, result.capital),
        refusals=refusal_grid(stopped),
        data=_data_rows(summary.get("data", {})),
        warnings=tuple(warnings),
        provenance=_provenance(summary),
    )


def _start_ns(result: Result) -> int:
    """Open of the first base candle; rows carry closes, one candle apart."""
    at_ns = result.equity["timestamp_ns"].head(2).to_list()
    if len(at_ns) == 2:
        return int(2 * at_ns[0] - at_ns[1])
    return int(at_ns[0]) if at_ns else 0


def _names(value: Any) -> str:
    if isinstance(value, str):
        return value
    names = [item if isinstance(item, str) else str(item.get("strategy_id", item)) for item in value]
    return ", ".join(names)


def _figures(summary: Mapping[str, Any]) -> Any:
    metrics, reasons = summary["metrics"], summary.get("metric_reasons", {})

    def figure(label: str, key: str, style: str) -> Row:
        value = metrics.get(key)
        text, tone = {
            "gain": (percent(value), tone_of(value)),
            "share": (percent(value, signed=False), ""),
            "money": (money(value, signed=True), tone_of(value)),
            "days": (f"{value:,.1f} days" if value is not None else NONE_TEXT, ""),
        }.get(style, (plain(value), ""))
        return Row(label, text, tone, reasons.get(key, "") if value is None else "")

    return figure


_RETURNS = (
    ("Net profit", "net_profit", "money"),
    ("Return", "total_return_ratio", "gain"),
    ("Buy and hold", "buy_and_hold_return_ratio", "gain"),
    ("Return per year (CAGR)", "cagr_ratio", "gain"),
    ("Sharpe", "sharpe", "plain"),
    ("Sortino", "sortino", "plain"),
    ("Calmar", "calmar", "plain"),
)
_RISK = (
    ("Max drawdown", "max_drawdown_ratio", "share"),
    ("Longest under water", "max_drawdown_days", "days"),
    ("Volatility per year", "volatility_ratio", "share"),
    ("Daily VaR 95 (loss)", "var_95_ratio", "share"),
    ("Daily ES 95", "es_95_ratio", "share"),
    ("Daily VaR 99", "var_99_ratio", "share"),
    ("Daily ES 99", "es_99_ratio", "share"),
    ("Time in the market", "exposure_time_ratio", "share"),
)
_TRADING = (
    ("Trades (round trips)", "trades", "plain"),
    ("Winning", "win_ratio", "share"),
    ("Profit factor", "profit_factor", "plain"),
    ("Payoff ratio", "payoff_ratio", "plain"),
    ("Expectancy per trade", "expectancy", "money"),
    ("Turnover (x equity)", "turnover_ratio", "plain"),
)


def _rows(figure: Any, specs: Sequence[tuple[str, str, str]]) -> tuple[Row, ...]:
    return tuple(figure(*spec) for spec in specs)


def _headline(result: Result, figure: Any) -> tuple[Row, ...]:
    metrics = result.metrics
    end = float(result.equity["equity"][-1]) if result.equity.height else result.capital
    total, hold = metrics.get("total_return_ratio"), metrics.get("buy_and_hold_return_ratio")
    ahead = total - hold if total is not None and hold is not None else None
    quote = str(result.summary.get("quote", ""))
    return (
        Row("Capital", f"{money(result.capital)} -> {money(end)} {quote}".rstrip()),
        _range(result.summary.get("band") or {}) or figure("Return", "total_return_ratio", "gain"),
        Row("Buy and hold", percent(hold), tone_of(hold)),
        Row("Ahead of it by", f"{100 * ahead:+,.2f} pp" if ahead is not None else NONE_TEXT, tone_of(ahead)),
        figure("Max drawdown", "max_drawdown_ratio", "share"),
        figure("Sharpe", "sharpe", "plain"),
        figure("Trades", "trades", "plain"),
        figure("Winning", "win_ratio", "share"),
    )


def _range(band: Mapping[str, Any]) -> Row | None:
    """The return from the lowest over the base to the highest run of a band."""
    found = band.get("total_return_ratio")
    if not found:
        return None
    values = [found[name] for name in ("low", "base", "high")]
    text = " .. ".join(percent(value).removesuffix(" %") for value in values) + " %"
    tone = tone_of(values[0]) if values[0] * values[-1] > 0 else ""
    return Row("Return", text, tone, "after costs: low .. base .. high")


def _sentence(result: Result, days: float) -> str:
    metrics = result.metrics
    end = float(result.equity["equity"][-1]) if result.equity.height else result.capital
    quote = str(result.summary.get("quote", ""))
    text = f"{money(result.capital)} became {money(end)} {quote}".rstrip()
    text += f" in {days:,.0f} days ({percent(metrics.get('total_return_ratio'))})"
    hold = metrics.get("buy_and_hold_return_ratio")
    if hold is None:
        return text + "."
    return f"{text}; buying and holding, without costs, would have made {percent(hold)}."


def _worst_day(day_end_ns: list[int], day_equity: FloatArray, capital: float) -> Row:
    returns = daily_returns(day_equity, capital)
    if not returns.shape[0]:
        return Row("Worst day", NONE_TEXT)
    worst = int(np.argmin(returns))
    value = float(returns[worst])
    return Row("Worst day", f"{percent(value)} on {iso(day_end_ns[worst] - 1)[:10]}", tone_of(value))


def _count_rows(counts: Mapping[str, int]) -> tuple[Row, ...]:
    names = ("candles", "wake_rows", "signals", "gated", "refusals", "orders", "fills")
    found = [name for name in names if name in counts]
    return tuple(Row(name.replace("_", " ").capitalize(), plain(counts[name])) for name in found)


def _traded(result: Result) -> float:
    """Sum of quantity times price over all fills."""
    quantity, price = (result.fills[name].cast(pl.Float64) for name in ("quantity", "price"))
    return float((quantity * price).sum())


def _cost_parts(summary: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    """What the costs did to the result, in quote: label and amount."""
    costs = summary.get("costs", {})
    return (
        ("Slippage and spread", -float(costs.get("slippage") or 0)),
        ("Fees", -float(costs.get("fees") or 0)),
        ("Funding (+ received)", float(costs.get("funding") or 0)),
    )


def _cost_rows(summary: Mapping[str, Any], traded: float) -> tuple[Row, ...]:
    parts = _cost_parts(summary)

    def row(label: str, value: float) -> Row:
        note = f"{-10_000 * value / traded:.2f} bps of what was traded" if traded and value else ""
        return Row(label, money(value, signed=True), tone_of(value), note)

    return (*(row(*part) for part in parts), row("Together", sum(value for _, value in parts)))


def _bridge(summary: Mapping[str, Any]) -> tuple[tuple[str, float], ...]:
    net = float(summary["metrics"].get("net_profit") or 0)
    parts = _cost_parts(summary)
    before = net - sum(value for _, value in parts)
    return (("Before costs", before), *parts, ("Net", net))


def _peer(found: Mapping[str, Any]) -> tuple[str, tuple[Row, ...]]:
    title = f"By the definitions of {found.get('peer', '')} {found.get('version', '')}"
    return title, tuple(Row(key, plain(value, 4)) for key, value in found.get("metrics", {}).items())


def _data_rows(data: Mapping[str, Any]) -> tuple[Row, ...]:
    rows = []
    for key, value in data.items():
        if value in ({}, [], None):
            continue
        if isinstance(value, int | float) and not isinstance(value, bool):
            rows.append(Row(key, plain(value)))
        else:
            rows.append(Row(key, value if isinstance(value, str) else json.dumps(value)))
    return tuple(rows)


def _provenance(summary: Mapping[str, Any]) -> tuple[Row, ...]:
    versions = ", ".join(f"{name} {version}" for name, version in summary.get("versions", {}).items())
    rows = (
        Row("Fingerprint", str(summary.get("fingerprint", ""))),
        Row("Inputs", str(summary.get("inputs_sha256", ""))),
        Row("Versions", versions),
    )
    return tuple(row for row in rows if row.value)
