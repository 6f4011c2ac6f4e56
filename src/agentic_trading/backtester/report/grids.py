"""The tables of a report."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from agentic_trading.backtester.report.text import NONE_TEXT, Grid, Row, money, percent, plain, tone_of

_BAND = ("pessimistic", "base", "optimistic")


def split_grid(name: str, parts: Mapping[str, Mapping[str, Any]]) -> Grid:
    """Trades, profit and costs of each strategy or symbol."""
    headings = (name, "Trades", "Winning", "Net profit", "Open", "Fees", "Funding", "Factor")
    rows = []
    for label, part in parts.items():
        net, still_open, funding = part.get("net_profit"), part.get("open_profit"), part.get("funding")
        rows.append((
            Row("", str(label)),
            Row("", plain(part.get("trades"), 0)),
            Row("", percent(part.get("win_ratio"), signed=False)),
            Row("", money(net, signed=True), tone_of(net)),
            Row("", money(still_open, signed=True) if still_open else "-", tone_of(still_open)),
            Row("", money(part.get("fees"))),
            Row("", money(funding, signed=True) if funding else "-", tone_of(funding)),
            Row("", plain(part.get("profit_factor"))),
        ))  # fmt: skip
    return Grid(headings, tuple(rows))


def open_grid(positions: pl.DataFrame) -> Grid:
    """The positions still open at the end, at their marks."""
    headings = ("Strategy", "Symbol", "Direction", "Quantity", "Entry", "Mark", "Unrealised")
    rows = []
    columns = ("strategy", "symbol", "direction", "quantity", "entry_price", "mark_price", "unrealised")
    for *names, entry, mark, unrealised in positions.select(columns).iter_rows():
        gain = float(unrealised)
        rows.append((
            *(Row("", str(name)) for name in names),
            Row("", f"{float(entry):,.6g}" if float(entry) < 1 else money(float(entry))),
            Row("", f"{float(mark):,.6g}" if float(mark) < 1 else money(float(mark))),
            Row("", money(gain, signed=True), tone_of(gain)),
        ))  # fmt: skip
    return Grid(headings, tuple(rows))


def refusal_grid(stopped: Sequence[tuple[str, str, int]]) -> Grid:
    """Gates and refusals by code."""
    rows = [(Row("", code or kind), Row("", kind), Row("", f"{count:,}")) for kind, code, count in stopped]
    return Grid(("Code", "By", "Times"), tuple(rows))


_BAND_ROWS = (
    ("Return", "total_return_ratio", True),
    ("Net profit", "net_profit", True),
    ("Max drawdown", "max_drawdown_ratio", False),
    ("Sharpe", "sharpe", False),
)


def band_grid(band: Mapping[str, Any]) -> Grid:
    """The main figures under pessimistic, base and optimistic assumptions.

    ``band`` is the part ``band`` of a summary: metrics by each of the three. Without all three the table
    is empty.
    """
    if not all(band.get(name) for name in _BAND):
        return Grid((), ())
    rows = []
    for label, key, toned in _BAND_ROWS:
        values = [band[name].get(key) for name in _BAND]
        cells = [Row("", _band_text(key, value), tone_of(value) if toned else "") for value in values]
        rows.append((Row("", label), *cells))
    return Grid(("", *(name.capitalize() for name in _BAND)), tuple(rows))


def _band_text(key: str, value: float | None) -> str:
    if key == "net_profit":
        return money(value, signed=True)
    return percent(value, signed=key == "total_return_ratio") if key.endswith("_ratio") else plain(value)


def break_even_rows(band: Mapping[str, Any]) -> tuple[Row, ...]:
    """The costs and the delay at which nothing is left; each a number, or numbers by what they concern.

    ``break_even_reasons`` of the band explain those that are None.
    """
    rows = []
    reasons = band.get("break_even_reasons") or {}
    for kind, key, unit in (("cost", "break_even_bps", "bps"), ("delay", "break_even_delay_ms", "ms")):
        found = band.get(key)
        for name, value in (found if isinstance(found, Mapping) else {kind: found}).items():
            if value is not None:
                rows.append(Row(f"Breaks even at a {name} of", f"{plain(value)} {unit}"))
            elif name in reasons:
                rows.append(Row(f"Breaks even at a {name} of", NONE_TEXT, note=reasons[name]))
    return tuple(rows)


def assumption_rows(band: Mapping[str, Any]) -> tuple[Row, ...]:
    """What each other run of a band assumed: its settings that differ from the base."""
    found = band.get("assumptions") or {}
    return tuple(
        Row(f"{name.capitalize()} assumes", ", ".join(f"{key} {value}" for key, value in settings.items()))
        for name, settings in found.items()
    )
