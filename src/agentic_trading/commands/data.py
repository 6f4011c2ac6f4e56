"""``data download | import | import-rules | list | check | sample``: get history, look at it, trust it."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from agentic_trading.commands.data_tables import (
    Checked,
    show_checked,
    show_downloaded,
    show_imported,
    show_json,
    show_rules,
    show_series,
)
from agentic_trading.core.clock import WallClock
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import CorruptData, MissingData, TradingError, UsageError
from agentic_trading.data import quality
from agentic_trading.data.download import EXCHANGES
from agentic_trading.data.download import download as fetch
from agentic_trading.data.history import HistoryStore, SeriesKey
from agentic_trading.data.importers import import_file
from agentic_trading.data.instruments import parse_symbol
from agentic_trading.data.rules import import_rules
from agentic_trading.data.sample_store import DEFAULT_DAYS, ensure_sample

MS = 1_000_000

_Decorated = Callable[..., Any]


def _shared_options(command: _Decorated) -> _Decorated:
    folder = click.option(
        "-d", "--data-dir", "--output-dir", default="data/historical", type=click.Path(path_type=Path),
        show_default=True, help="Folder that holds one folder per exchange.",
    )  # fmt: skip
    return folder(
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")(command)
    )


@click.group()
def data() -> None:
    """History: download or import candles, list and check them."""


@data.command()
@click.option(
    "-p", "--symbols", "--pairs", required=True, help="Such as BTC/USDT,ETH/USDT (BTC/USDT:USDT: perpetual)."
)
@click.option(
    "-i",
    "--timeframe",
    default="1h",
    type=click.Choice([each.value for each in Timeframe]),
    show_default=True,
)
@click.option("--exchange", default="binance", type=click.Choice(EXCHANGES), show_default=True)
@click.option("--since", required=True, help="First day, UTC: 2024-01-31 or 20240131.")
@click.option("--until", help="Last day, exclusive; now if left out.")
@_shared_options
def download(
    symbols: str, timeframe: str, exchange: str, since: str, until: str | None, data_dir: Path, as_json: bool
) -> None:
    """Fetch candles from an exchange; what is stored is not fetched again."""
    wanted = _symbols(symbols)
    since_ms, until_ms = _day_ms("--since", since), _day_ms("--until", until) if until else _now_ms()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def show(symbol: str, done: int, total: int) -> None:
            if symbol not in tasks:
                tasks[symbol] = bar.add_task(symbol)
            bar.update(tasks[symbol], completed=done, total=total)

        store = HistoryStore(data_dir)
        reports = fetch(exchange, wanted, Timeframe(timeframe), since_ms, until_ms, store, show)
    if as_json:
        show_json({"exchange": exchange, "timeframe": timeframe, "symbols": reports})
    else:
        show_downloaded(reports)


@data.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-p",
    "--symbols",
    "symbol",
    help="The market, where the file's name does not say it, or says it wrongly.",
)
@click.option(
    "-i",
    "--timeframe",
    type=click.Choice([each.value for each in Timeframe]),
    help="Where the name does not say it.",
)
@click.option("--exchange", help="Where the name does not say it.")
@_shared_options
def import_files(
    files: tuple[Path, ...], symbol: str | None, timeframe: str | None, exchange: str | None, data_dir: Path,
    as_json: bool,
) -> None:  # fmt: skip
    """Bring in candles, mark prices and funding from Parquet, CSV (or zip), Feather and JSON files."""
    market = _symbols(symbol) if symbol else [None]
    if len(market) != 1:
        raise UsageError("--symbols of an import names the one market that the files hold")
    store = HistoryStore(data_dir)
    length = Timeframe(timeframe) if timeframe else None
    reports, refused = [], []
    for path in files:
        try:
            report = import_file(path, store, exchange=exchange, symbol=market[0], timeframe=length)
        except TradingError as problem:
            refused.append(problem)
            continue
        reports.append(report)
        for note in report.notes:
            click.echo(f"note: {note}", err=True)
    if as_json:
        show_json({"files": reports})
    elif reports:
        show_imported(reports)
    for other in refused[1:]:
        click.echo(f"refused: {other}", err=True)
    if refused:
        raise refused[0]


@data.command("import-rules")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("-p", "--symbols", help="Only these; without it, every market that has data.")
@click.option("--exchange", help="The exchange a dump of ccxt is of.")
@_shared_options
def import_rule_files(
    files: tuple[Path, ...], symbols: str | None, exchange: str | None, data_dir: Path, as_json: bool
) -> None:
    """Bring in trading rules: exchangeInfo, leverageBracket, instruments-info, risk-limit, ccxt dumps."""
    wanted = _symbols(symbols) if symbols else []
    store = HistoryStore(data_dir)
    reports = [import_rules(path, store, symbols=wanted, exchange=exchange) for path in files]
    if as_json:
        show_json({"files": reports})
    else:
        show_rules(reports)


@data.command("list")
@_shared_options
def list_stored(data_dir: Path, as_json: bool) -> None:
    """Show what is stored."""
    store = HistoryStore(data_dir)
    series = [store.describe(key) for key in _keys(store)]
    if as_json:
        show_json({"series": series})
    else:
        show_series(series)


@data.command()
@_shared_options
def check(data_dir: Path, as_json: bool) -> None:
    """Inspect every stored candle; exit code 1 if any cannot be trusted."""
    store = HistoryStore(data_dir)
    checked = [_check(store, key) for key in _keys(store)]
    broken = sum(bool(each.error) for each in checked)
    if as_json:
        show_json({"checked": checked, "broken": broken})
    else:
        for each in checked:
            show_checked(each)
    if broken:
        raise CorruptData(f"{broken} of {len(checked)} series cannot be trusted; see above what to do")


@data.command()
@click.option("--seed", default=7, show_default=True, help="Another seed is another market.")
@click.option("--days", default=DEFAULT_DAYS, show_default=True)
@_shared_options
def sample(seed: int, days: int, data_dir: Path, as_json: bool) -> None:
    """Write the built-in synthetic market (exchange "sample"): BTC, ETH, SOL, spot and perpetual."""
    store = ensure_sample(data_dir, seed, days)
    series = [store.describe(key) for key in store.series_keys() if key.venue == "sample"]
    if as_json:
        show_json({"series": series})
        return
    candles = sum(each.rows for each in series if each.kind == "candles")
    symbols = ", ".join(dict.fromkeys(each.symbol for each in series))
    click.echo(f"{series[0].source}: {candles:,} candles of {symbols} in {data_dir}/sample")


def _keys(store: HistoryStore) -> list[SeriesKey]:
    keys = store.series_keys()
    if not keys:
        raise MissingData(
            f"there is no history under {store.root}; get some with: agentic-trading data download "
            f"--symbols BTC/USDT --timeframe 1h --since 2024-01-01 (or agentic-trading data import FILE, "
            f"or agentic-trading data sample)"
        )
    return keys


def _check(store: HistoryStore, key: SeriesKey) -> Checked:
    try:
        if key.timeframe is None:
            return Checked(key, len(store.read_funding(key.venue, key.symbol)[0]), "", [])
        open_ns, bars = store.raw(key)
    except CorruptData as problem:
        return Checked(key, 0, str(problem), [])
    findings = quality.inspect(open_ns // MS, bars[0], bars[1], bars[2], bars[3], bars[4], key.timeframe)
    # Mark prices have no volume to run dry.
    quiet = "zero_volume_run" if key.kind == "mark" else ""
    return Checked(key, len(open_ns), "", [each for each in findings if each.kind != quiet])


def _symbols(text: str) -> list[str]:
    symbols = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        symbol, note = parse_symbol(part)
        if note:
            click.echo(f"note: {note}", err=True)
        symbols.append(symbol)
    if not symbols:
        raise UsageError("--symbols is empty; such as BTC/USDT,ETH/USDT would be right")
    return symbols


def _day_ms(flag: str, text: str) -> int:
    for shape in ("%Y-%m-%d", "%Y%m%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
        try:
            return int(datetime.strptime(text, shape).replace(tzinfo=UTC).timestamp()) * 1000
        except ValueError:
            continue
    raise UsageError(f"{flag} {text!r} is not a day; 2024-01-31 or 20240131 (UTC) would be right")


def _now_ms() -> int:
    return WallClock().now_ns // MS
