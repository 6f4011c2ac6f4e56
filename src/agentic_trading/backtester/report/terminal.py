"""The report of a run on a terminal: two aligned columns, plain when it is not one."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import IO

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agentic_trading.backtester.report.breakdown import Period
from agentic_trading.backtester.report.content import Content, content_of
from agentic_trading.backtester.report.text import NONE_TEXT, Grid, Row, money, percent, tone_of
from agentic_trading.backtester.result import Result

PLAIN_WIDTH = 100
_NARROW = 84
_STYLE = {"good": "green", "bad": "red", "": ""}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def print_report(result: Result, folder: Path | None = None, file: IO[str] | None = None) -> None:
    """Print the report; ``folder`` is where the run was written, ``file`` defaults to stdout.

    Colours only on a terminal and without NO_COLOR; elsewhere 100 columns of plain text.
    """
    console = Console(file=file, highlight=False, soft_wrap=False)
    if not console.is_terminal:
        console = Console(file=file, highlight=False, width=PLAIN_WIDTH, color_system=None)
    elif console.width > 120:
        console = Console(file=file, highlight=False, width=120)
    console.print(render(result, console.width))
    if folder is not None:
        console.print(_files(result, folder), soft_wrap=True)  # a broken path cannot be copied


def render(result: Result, width: int = PLAIN_WIDTH) -> RenderableType:
    """The report as something rich can print, laid out for ``width`` columns."""
    content = content_of(result)
    headline = Padding(_halves(content.headline, width, strong=True), (1, 0, 0, 0))
    parts: list[RenderableType] = [_title(content), headline]
    if content.band.rows:
        parts.append(_section("Under other assumptions", _band(content)))
    parts += [_section("Result", _pairs(content.returns))] if width < _NARROW else []
    if width < _NARROW:
        for title, rows in (("Risk", content.risk), ("Trading", content.trading), ("Costs", content.costs)):
            parts.append(_section(title, _pairs(rows)))
    else:
        left = Group(_section("Result", _pairs(content.returns)), _section("Costs", _pairs(content.costs)))
        parts.append(_columns(left, _section("Risk", _pairs(content.risk))))
    title, rows = content.peer
    if rows:
        parts.append(_section(title, _halves(rows, width)))
    for title, grid in (
        ("Per strategy", content.per_strategy),
        ("Per symbol", content.per_symbol),
        ("Open at the end (marked, not counted as trades)", content.open_positions),
    ):
        if grid.rows:
            parts.append(_section(title, _grid(grid)))
    parts.append(_section("Periods", _periods(content.periods)))
    trading = _section("Trading", _pairs(content.trading))
    stopped = _grid(content.refusals) if content.refusals.rows else Text("none")
    refusals = _section("Gated and refused", stopped)
    parts.append(_columns(trading, refusals) if width >= _NARROW else refusals)
    parts.append(_footer(content))
    return Group(*parts)


def _title(content: Content) -> RenderableType:
    text = Text()
    text.append(f"{content.mode.capitalize()} {content.run_id}\n", style="bold")
    text.append(f"{content.strategies} on {content.symbols}\n{content.period}", style="dim")
    return text


def _halves(rows: Sequence[Row], width: int, *, strong: bool = False) -> RenderableType:
    """The rows in two columns where there is room, else one under the other."""
    half = (len(rows) + 1) // 2
    left, right = (_pairs(part, strong=strong) for part in (rows[:half], rows[half:]))
    return Group(left, right) if width < _NARROW else _columns(left, right)


def _columns(left: RenderableType, right: RenderableType) -> Table:
    grid = Table.grid(expand=True, padding=(0, 4, 0, 0))
    grid.add_column(ratio=1)
    grid.add_column(ratio=1)
    grid.add_row(left, right)
    return grid


def _section(title: str, body: RenderableType) -> RenderableType:
    return Padding(Group(Text(title.upper(), style="bold cyan"), body), (1, 0, 0, 0))


def _ruled(padding: int = 1) -> Table:
    return Table(
        box=SIMPLE_HEAD,
        expand=True,
        pad_edge=False,
        padding=(0, padding),
        header_style="dim",
        show_edge=False,
    )


def _pairs(rows: Sequence[Row], *, strong: bool = False) -> Table:
    table = Table.grid(expand=True, padding=(0, 1, 0, 0))
    table.add_column(style="dim" if not strong else "", no_wrap=True)
    table.add_column(justify="right", overflow="fold")
    for row in rows:
        style = "dim" if row.value == NONE_TEXT else _STYLE[row.tone]
        table.add_row(row.label, Text(row.value, style=f"bold {style}".strip() if strong else style))
    return table


def _grid(grid: Grid) -> Table:
    table = _ruled()
    words = len(grid.headings) - _figure_columns(grid)
    for position, heading in enumerate(grid.headings):
        table.add_column(heading, justify="left" if position < words else "right", overflow="fold")
    for cells in grid.rows:
        table.add_row(*(Text(cell.value, style=_STYLE[cell.tone]) for cell in cells))
    return table


def _band(content: Content) -> RenderableType:
    told = Text(
        "Each column is a run of its own: what an order cost may change later decisions.", style="dim"
    )
    break_even = [row._replace(value=row.note or row.value) for row in content.break_even]
    return Group(_grid(content.band), _pairs(break_even), told)


def _figure_columns(grid: Grid) -> int:
    """How many columns, from the right, hold figures in every row."""
    count = 0
    for position in range(len(grid.headings) - 1, 0, -1):
        if not all(cells[position].value[:1] in "+-0123456789n" for cells in grid.rows):
            break
        count += 1
    return count


def _periods(periods: Sequence[Period]) -> RenderableType:
    if not periods:
        return Text("no candles")
    weekly = len(periods[0].label) > len("2024-05")
    return _weeks(periods) if weekly else _months(periods)


def _weeks(periods: Sequence[Period]) -> Table:
    table = _ruled()
    table.add_column("Week of")
    for heading in ("Return", "Profit", "Trades"):
        table.add_column(heading, justify="right")
    for period in periods:
        style = _STYLE[tone_of(period.profit)]
        gain = Text(percent(period.return_ratio), style=style)
        profit = Text(money(period.profit, signed=True), style=style)
        table.add_row(period.label, gain, profit, f"{period.trades:,}")
    return table


def _months(periods: Sequence[Period]) -> Table:
    """Years down, months across, in per cent; the last column compounds the year."""
    table = _ruled(padding=0)
    table.add_column("%")
    for heading in (*_MONTHS, "Year"):
        table.add_column(heading, justify="right", no_wrap=True)
    for year, group in groupby(periods, key=lambda period: period.label[:4]):
        cells = [Text("") for _ in range(12)]
        growth = 1.0
        for period in group:
            cells[int(period.label[5:7]) - 1] = _percent_cell(period.return_ratio)
            growth *= 1.0 + (period.return_ratio or 0.0)
        table.add_row(year, *cells, _percent_cell(growth - 1.0, bold=True))
    return table


def _percent_cell(ratio: float | None, *, bold: bool = False) -> Text:
    if ratio is None:
        return Text(NONE_TEXT, style="dim")
    digits = 1 if abs(ratio) < 1 else 0
    style = _STYLE[tone_of(round(ratio, 4))]
    text = f"{100 * ratio:+.{digits}f}" if round(ratio, 3) else "0.0"
    return Text(text, style=f"bold {style}".strip() if bold else style)


def _footer(content: Content) -> RenderableType:
    passport = ", ".join(f"{row.label} {_shorter(row.value)}" for row in content.data if len(row.value) <= 64)
    parts: list[RenderableType] = [_section("Data passport", Text(passport or "not recorded"))]
    if content.warnings:
        lines = [Text(f"! {text}", style="yellow") for text in content.warnings]
        parts.append(_section("Warnings", Group(*lines)))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for row in content.provenance:
        table.add_row(row.label, row.value)
    return Group(*parts, Padding(table, (1, 0, 0, 0)))


def _files(result: Result, folder: Path) -> Text:
    run_id = str(result.summary.get("run_id", ""))
    name = run_id if folder.name == run_id else str(folder)
    text = Text()
    for label, value in (("Report", str(folder / "report.html")), ("Files", str(folder))):
        text.append(f"{label:<13}", style="dim").append(f"{value}\n")
    text.append(f"{'Next':<13}", style="dim")
    return text.append(f"agentic-trading verify {name}", style="bold")


def _shorter(value: str) -> str:
    return f"{value[:16]}..." if len(value) == 64 and value.isalnum() else value
