"""The parts of a report as HTML: lists, tables, the heat map. All text is escaped here."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

from agentic_trading.backtester.report.breakdown import Period, Slice
from agentic_trading.backtester.report.text import Grid, Row, money, percent, tone_of

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FULL_COLOUR_RATIO = 0.15
"""A period of this return, up or down, has the strongest colour of the heat map."""
_SLICE_TITLES = {
    "regime": "Regime",
    "direction": "Direction",
    "exit": "Closed by",
    "weekday": "Weekday",
    "hour": "Hour",
}


def figure(text: str) -> str:
    """A figure as text, with a proper minus sign."""
    return escape(f"−{text[1:]}" if text.startswith("-") and text != "-" else text)


def quiet(text: str) -> str:
    """A remark in place of something that is not there."""
    return f"<p class='quiet'>{escape(text)}</p>"


def figures(rows: Sequence[Row]) -> str:
    """The headline figures, large."""
    return "".join(
        f"<div{_title(row.note)}><dt>{escape(row.label)}</dt>"
        f"<dd class='{row.tone}'>{figure(row.value)}</dd></div>"
        for row in rows
    )


def listed(rows: Sequence[Row]) -> str:
    """Labelled figures, one under the other, with their notes."""
    items = "".join(
        f"<div><dt>{escape(row.label)}</dt><dd class='{row.tone}'>{figure(row.value)}"
        + (f"<small>{escape(row.note)}</small>" if row.note else "")
        + "</dd></div>"
        for row in rows
    )
    return f"<dl class='list'>{items}</dl>" if items else quiet("Not recorded.")


def warnings(texts: Sequence[str]) -> str:
    """What must be read before the figures are believed."""
    items = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<aside class='warnings'><h2>Read this first</h2><ul>{items}</ul></aside>" if items else ""


def table(grid: Grid, *, cards: bool = False) -> str:
    """A table; with ``cards`` its rows become cards on a narrow screen, each figure under its heading."""
    if not grid.rows:
        return ""
    head = "".join(f"<th scope='col'>{escape(heading)}</th>" for heading in grid.headings)
    body = "".join(f"<tr>{_cells(grid.headings, cells)}</tr>" for cells in grid.rows)
    kind = " class='cards'" if cards else ""
    return f"<table{kind}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(headings: Sequence[str], cells: Sequence[Row]) -> str:
    first, *others = cells
    return f"<th scope='row'>{escape(first.value)}</th>" + "".join(
        f"<td class='{cell.tone}' data-label='{escape(heading, quote=True)}'>{figure(cell.value)}</td>"
        for heading, cell in zip(headings[1:], others, strict=True)
    )


def counted(rows: Sequence[tuple[str, str, str, int]]) -> str:
    """What was stopped and how often: label, by whom, count as text, count."""
    most = max((count for *_, count in rows), default=1)
    body = "".join(
        f"<tr><th scope='row'>{escape(label)}<small>{escape(by)}</small></th><td>{escape(text)}</td>"
        f"<td class='bar'><i style='width:{100 * count / most:.1f}%'></i></td></tr>"
        for label, by, text, count in rows
    )
    return f"<table class='bars'><tbody>{body}</tbody></table>"


def sliced(parts: Mapping[str, Sequence[Slice]], *names: str) -> str:
    """Tables of trades by what they share, each row with a bar of its net profit to either side."""
    return "".join(_sliced(_SLICE_TITLES[name], parts[name]) for name in names if parts[name])


def _sliced(title: str, parts: Sequence[Slice]) -> str:
    most = max(abs(part.net) for part in parts) or 1.0
    body = []
    for part in parts:
        width = 50 * abs(part.net) / most
        left = 50.0 if part.net >= 0 else 50 - width
        tone = tone_of(part.net)
        won = percent(part.won / part.trades, signed=False, digits=0) if part.trades else "-"
        net = money(part.net, signed=True) if part.trades else "-"
        body.append(
            f"<tr><th scope='row'>{escape(part.label)}</th><td>{part.trades:,}</td><td>{won}</td>"
            f"<td class='{tone}'>{figure(net)}</td><td class='bar two'>"
            f"<i class='{tone}' style='left:{left:.1f}%;width:{width:.1f}%'></i></td></tr>"
        )
    head = "".join(f"<th scope='col'>{heading}</th>" for heading in ("Trades", "Won", "Net", ""))
    return (
        f"<table class='bars'><thead><tr><th scope='col'>{escape(title)}</th>{head}</tr></thead>"
        f"<tbody>{''.join(body)}</tbody></table>"
    )


def periods(found: Sequence[Period]) -> str:
    """The heat map: a row per year with its months, or the weeks of a short run one after the other."""
    if not found:
        return quiet("No candles.")
    if len(found[0].label) > len("2024-05"):
        cells = "".join(_heat(_day(each.label), each) for each in found)
        return f"<div class='heat weeks'>{cells}</div>"
    rows = []
    for year, group in groupby(found, key=lambda period: period.label[:4]):
        by_month = {int(period.label[5:7]): period for period in group}
        growth = 1.0
        for period in by_month.values():
            growth *= 1.0 + (period.return_ratio or 0.0)
        cells = "".join(
            _heat(name, by_month[month])
            if month in by_month
            else f"<div class='none'><small>{name}</small></div>"
            for month, name in enumerate(MONTHS, start=1)
        )
        total = f"<b class='{tone_of(round(growth - 1.0, 4))}'>{figure(percent(growth - 1.0, digits=1))}</b>"
        rows.append(f"<div class='heat year'><h3>{escape(year)} {total}</h3>{cells}</div>")
    return "".join(rows)


def _day(label: str) -> str:
    """``6 May`` of ``2024-05-06``."""
    return f"{int(label[8:])} {MONTHS[int(label[5:7]) - 1]}"


def _heat(name: str, period: Period) -> str:
    """A cell shaded by its return; the shade is a share of the page's good or bad colour."""
    ratio = period.return_ratio
    title = _title(f"{period.label}: {money(period.profit, signed=True)}, {period.trades} trades")
    if ratio is None:
        return f"<div{title}><small>{name}</small>n/a</div>"
    strength = min(abs(ratio) / _FULL_COLOUR_RATIO, 1.0) ** 0.7
    share = round(6 + 58 * strength) if round(abs(ratio), 4) else 0
    colour = "good" if ratio >= 0 else "bad"
    shade = f"background:color-mix(in srgb, var(--{colour}) {share}%, var(--sunk))"
    text = f"{100 * ratio:+.1f}" if round(ratio, 3) else "0.0"
    return f"<div{title} style='{shade}'><small>{name}</small>{figure(text)}</div>"


def _title(text: str) -> str:
    return f" title='{escape(text, quote=True)}'" if text else ""
