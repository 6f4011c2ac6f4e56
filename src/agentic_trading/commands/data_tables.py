"""How the ``data`` commands show their results: tables for people, one JSON document for programs."""

import json
import os
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Timeframe
from agentic_trading.data.download import DownloadReport
from agentic_trading.data.history import SeriesInfo, SeriesKey
from agentic_trading.data.importers import ImportReport
from agentic_trading.data.quality import Finding
from agentic_trading.data.rules import RulesReport

_SHOWN_FINDINGS = 20
_WIDTH_IN_FILES = 120


class Checked(msgspec.Struct, frozen=True):
    """What `data check` found out about one series; ``error`` is empty if it can be trusted."""

    series: SeriesKey
    rows: int
    error: str
    findings: list[Finding]


def show_json(document: dict[str, Any]) -> None:
    """Print one JSON document on stdout."""
    click.echo(json.dumps(msgspec.to_builtins(document), indent=2))


def show_downloaded(reports: list[DownloadReport]) -> None:
    """One line per symbol: what is new, what was there, what the venue does not have."""
    rows = [(each.symbol, each.added, each.already_stored, each.missing, each.funding) for each in reports]
    _print(("symbol", "new", "stored before", "venue lacks", "funding"), rows)


def show_imported(reports: list[ImportReport]) -> None:
    """One line per file: where its rows went."""
    counted = ("rows", "new", "replaced", "known", "duplicates", "gaps", "missing")
    rows: list[tuple[object, ...]] = []
    for each in reports:
        known, held = each.unchanged, (each.duplicates, each.gaps, each.missing)
        counts = (each.rows, each.added, each.replaced, known, *held)
        rows.append((each.exchange, each.symbol, _series_name(each.kind, each.timeframe), *counts))
    _print(("exchange", "symbol", "series", *counted), rows)


def show_rules(reports: list[RulesReport]) -> None:
    """One line per document: which markets' rules were kept."""
    rows = [
        (Path(each.path).name, each.exchange, each.kind, ", ".join(each.kept), each.passed_over)
        for each in reports
    ]
    _print(("file", "exchange", "kind", "kept", "passed over"), rows)


def show_series(series: list[SeriesInfo]) -> None:
    """One line per stored series: extent and gaps."""
    rows: list[tuple[object, ...]] = []
    for each in series:
        name = _series_name(each.kind, each.timeframe)
        extent = (each.rows, iso(each.first_ns)[:16], iso(each.last_ns)[:16], each.gaps, each.missing)
        rows.append((each.exchange, each.symbol, name, *extent))
    _print(("exchange", "symbol", "series", "rows", "first", "last", "gaps", "missing"), rows)


def show_checked(checked: Checked) -> None:
    """What is wrong or odd in one series, the first twenty findings in full."""
    key, findings = checked.series, checked.findings
    name = f"{key.venue} {key.symbol} {_series_name(key.kind, key.timeframe)}"
    if checked.error:
        click.echo(f"{name}: {checked.error}")
        return
    kinds = sorted({each.kind for each in findings})
    counts = ", ".join(f"{sum(each.kind == kind for each in findings)} {kind}" for kind in kinds)
    click.echo(f"{name}: {checked.rows:,} rows, {counts or 'nothing to report'}")
    for each in findings[:_SHOWN_FINDINGS]:
        click.echo(f"  {each.kind}: {each}")
    if len(findings) > _SHOWN_FINDINGS:
        click.echo(f"  and {len(findings) - _SHOWN_FINDINGS} more (all with --json)")


def _series_name(kind: str, timeframe: Timeframe | None) -> str:
    if timeframe is None or kind == "funding":
        return "funding"
    return f"{timeframe} mark" if kind == "mark" else str(timeframe)


def _print(header: tuple[str, ...], rows: list[Any]) -> None:
    table = Table(*header, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    width = None if os.isatty(1) else _WIDTH_IN_FILES
    Console(width=width, markup=False, highlight=False).print(table)
