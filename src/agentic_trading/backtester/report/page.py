"""The report of a run as one HTML file that opens without a network and can be sent to anybody."""

import json
import re
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib import import_module
from itertools import groupby
from pathlib import Path

from agentic_trading.backtester.report.breakdown import Period
from agentic_trading.backtester.report.content import Content, content_of
from agentic_trading.backtester.report.figures import figures_of
from agentic_trading.backtester.report.text import Grid, Row, money
from agentic_trading.backtester.result import Result
from agentic_trading.core.errors import ConfigError

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SLOT = re.compile(r"\{\{(\w+)\}\}")
_FULL_COLOUR_RATIO = 0.15
"""A month of this return, up or down, has the strongest colour of the heat map."""


def write_report(result: Result, path: Path) -> Path:
    """Write the report to ``path`` and return it; raises ConfigError if that is not possible."""
    try:
        path.write_text(page(result), encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write the report to {path}: {error.strerror or error}") from None
    return path


def page(result: Result) -> str:
    """The whole page. All text that comes from settings or data is escaped."""
    content = content_of(result)
    figures = figures_of(result, content.daily_returns)
    symbols = list(figures["prices"])
    slots = {
        "title": escape(f"{content.strategies} · {content.mode} {content.run_id}"),
        "mode": escape(content.mode.capitalize()),
        "run_id": escape(content.run_id),
        "strategies": escape(content.strategies),
        "symbols": escape(content.symbols),
        "period": escape(content.period),
        "sentence": escape(content.sentence),
        "cards": "".join(_card(row) for row in content.headline[1:]),
        "warnings": _warnings(content),
        "symbol_options": "".join(f"<option>{escape(symbol)}</option>" for symbol in symbols),
        "no_prices": "" if symbols else "hidden",
        "periods": _periods(content.periods),
        "no_days": "" if figures["days"] else "hidden",
        "returns": _list(content.returns),
        "risk": _list(content.risk),
        "trading": _list(content.trading),
        "costs": _list(content.costs),
        "per_strategy": _table(content.per_strategy),
        "per_symbol": _table(content.per_symbol),
        "open_positions": _table(content.open_positions) or _quiet("Nothing was open at the end."),
        "refusals": _table(content.refusals) or _quiet("Nothing was gated or refused."),
        "data": _list(content.data),
        "provenance": _list(content.provenance),
        "settings": escape(result.settings_toml),
        "figures": _embedded(figures),
        "plotly": _plotly(),
    }
    return _SLOT.sub(lambda match: slots[match[1]], _template())


@cache
def _template() -> str:
    return Path(__file__).with_name("page.html").read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    # Imported late: only this function needs plotly, and only for the text of its script.
    return str(import_module("plotly.offline").get_plotlyjs())


def _embedded(value: object) -> str:
    """JSON that cannot end the script element it is in."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")


def _quiet(text: str) -> str:
    return f"<p class='muted'>{escape(text)}</p>"


def _card(row: Row) -> str:
    note = f" title='{escape(row.note, quote=True)}'" if row.note else ""
    return (
        f"<div class='card'{note}><span>{escape(row.label)}</span>"
        f"<strong class='{row.tone}'>{escape(row.value)}</strong></div>"
    )


def _warnings(content: Content) -> str:
    if not content.warnings:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in content.warnings)
    return f"<section class='warnings'><h2>Read this first</h2><ul>{items}</ul></section>"


def _list(rows: Sequence[Row]) -> str:
    items = "".join(
        f"<div><dt>{escape(row.label)}</dt><dd class='{row.tone}'>{escape(row.value)}"
        + (f"<small>{escape(row.note)}</small>" if row.note else "")
        + "</dd></div>"
        for row in rows
    )
    return f"<dl>{items}</dl>" if items else _quiet("Not recorded.")


def _table(grid: Grid) -> str:
    if not grid.rows:
        return ""
    head = "".join(f"<th>{escape(heading)}</th>" for heading in grid.headings)
    body = "".join(
        "<tr>" + "".join(f"<td class='{cell.tone}'>{escape(cell.value)}</td>" for cell in cells) + "</tr>"
        for cells in grid.rows
    )
    return f"<div class='scroll'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _periods(periods: Sequence[Period]) -> str:
    if not periods:
        return _quiet("No candles.")
    if len(periods[0].label) > len("2024-05"):
        return _weeks(periods)
    rows = []
    for year, group in groupby(periods, key=lambda period: period.label[:4]):
        cells = ["<td></td>"] * 12
        growth = 1.0
        for period in group:
            cells[int(period.label[5:7]) - 1] = _heat(period.return_ratio, period)
            growth *= 1.0 + (period.return_ratio or 0.0)
        rows.append(f"<tr><th>{escape(year)}</th>{''.join(cells)}{_heat(growth - 1.0, None)}</tr>")
    head = "".join(f"<th>{month}</th>" for month in (*_MONTHS, "Year"))
    return (
        f"<div class='scroll'><table class='heat'><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _weeks(periods: Sequence[Period]) -> str:
    rows = "".join(
        f"<tr><td>{escape(period.label)}</td>{_heat(period.return_ratio, period)}"
        f"<td>{money(period.profit, signed=True)}</td><td>{period.trades}</td></tr>"
        for period in periods
    )
    return (
        "<div class='scroll'><table><thead><tr><th>Week of</th><th>Return</th><th>Profit</th><th>Trades</th>"
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _heat(ratio: float | None, period: Period | None) -> str:
    """A cell shaded by its return; the shade is a share of the page's good or bad colour."""
    if ratio is None:
        return "<td class='muted'>n/a</td>"
    strength = min(abs(ratio) / _FULL_COLOUR_RATIO, 1.0)
    colour = "good" if ratio >= 0 else "bad"
    title = ""
    if period is not None:
        profit = money(period.profit, signed=True)
        title = f" title='{escape(period.label)}: {profit}, {period.trades} trades'"
    shade = f"color-mix(in srgb, var(--{colour}) {round(8 + 62 * strength)}%, transparent)"
    style = f"background:{shade}" if round(abs(ratio), 4) else ""
    text = f"{100 * ratio:+.1f}" if round(ratio, 3) else "0.0"
    return f"<td{title} style='{style}'>{text}</td>"
