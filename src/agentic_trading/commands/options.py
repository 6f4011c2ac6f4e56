"""The flags that running verbs share, and how they become settings."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import click

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, UsageError
from agentic_trading.request import with_strategies, with_symbols, with_timeframe
from agentic_trading.settings import AppSettings, Mode, load_settings
from agentic_trading.strategies.registry import user_dirs

Command = Callable[..., Any]

_RUN_OPTIONS = (
    click.option("-c", "--config", "config", multiple=True, type=click.Path(path_type=Path),
                 help="Settings file of this mode; repeatable, later ones win."),
    click.option("-s", "--strategy", help="Strategies to run: NAME[,NAME]."),
    click.option("--strategy-path", multiple=True, type=click.Path(path_type=Path),
                 help="Folder with your strategy files; default: strategies/."),
    click.option("--symbols", "-p", "--pairs", "symbols", help="Such as BTC/USDT,ETH/USDT or BTC/USDT:USDT."),
    click.option("--exchange", help="Whose history and rules: sample, binance, bybit."),
    click.option("-i", "--timeframe", help="Candle interval, such as 1m, 15m, 1h."),
    click.option("--timerange", help="20240101-20240630; either end open, end exclusive, UTC."),
    click.option("--start", help="First day, ISO date, UTC."),
    click.option("--end", help="Day after the last, ISO date, UTC."),
    click.option("-d", "--data-dir", type=click.Path(path_type=Path), help="Folder of the history."),
    click.option("--set", "assignments", multiple=True, metavar="SECTION.KEY=VALUE", help="A setting."),
    click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
    click.option("-q", "--quiet", is_flag=True, help="Say less."),
    click.option("-v", "--verbose", is_flag=True, help="Say more; a traceback with every error."),
)  # fmt: skip


class Request(NamedTuple):
    """What a command was asked to run: effective settings, strategy folders, and notes for the user."""

    settings: AppSettings
    strategy_dirs: tuple[Path, ...]
    notes: tuple[str, ...]


def run_options(command: Command) -> Command:
    """Add the flags every running verb has."""
    for option in reversed(_RUN_OPTIONS):
        command = option(command)
    return command


def request_of(mode: Mode, flags: dict[str, Any], extra: dict[str, Any] | None = None) -> Request:
    """The effective settings of a command: files, environment, then flags.

    ``extra`` are dotted settings that more flags of the verb set (None: not given). Raises UsageError
    or ConfigError naming the flag or the key.
    """
    assignments = list(flags["assignments"])
    given = {
        "backtest.exchange": flags["exchange"],
        "backtest.data_dir": flags["data_dir"],
        "backtest.timerange": timerange_of(flags["timerange"], flags["start"], flags["end"]),
        **(extra or {}),
    }
    assignments += [f"{key}={value}" for key, value in given.items() if value is not None]
    try:
        settings = load_settings(mode, flags["config"], assignments, os.environ).settings
    except ConfigError as problem:
        raise ConfigError(_as_typed(str(problem), given)) from None
    notes: list[str] = []
    dirs = user_dirs(flags["strategy_path"], Path())
    if flags["symbols"] is not None:
        settings, notes = with_symbols(settings, _listed(flags["symbols"]))
    if flags["strategy"] is not None:
        settings = with_strategies(settings, _listed(flags["strategy"]), dirs)
    if flags["timeframe"] is not None:
        settings = with_timeframe(settings, _timeframe(flags["timeframe"]))
    return Request(settings, dirs, tuple(notes))


def _as_typed(problem: str, given: dict[str, Any]) -> str:
    """The problem in the user's words: ``--capital`` where that flag, not ``--set``, set the key."""
    for key, value in given.items():
        if value is not None:
            flag = "--" + key.rpartition(".")[2].replace("_", "-")
            problem = problem.replace(f"--set {key}: {key} ", f"{flag} {value}: {key} ")
    return problem


def timerange_of(timerange: str | None, start: str | None, end: str | None) -> str | None:
    """The range as ``YYYYMMDD-YYYYMMDD``, from either way of writing it; None if neither was used."""
    if timerange is not None:
        if start is not None or end is not None:
            raise UsageError("give either --timerange or --start/--end, not both")
        first, dash, last = timerange.partition("-")
        if not dash or "-" in last:
            raise UsageError(
                f"--timerange {timerange}: write START-END such as 20240101-20240630, "
                "or give ISO dates with --start and --end"
            )
        days = [_day("--timerange", first, "%Y%m%d"), _day("--timerange", last, "%Y%m%d")]
    elif start is None and end is None:
        return None
    else:
        days = [_day("--start", start or "", "iso"), _day("--end", end or "", "iso")]
    if days[0] is not None and days[1] is not None and days[0] >= days[1]:
        raise UsageError(f"the time range is empty: {days[0]} is not before {days[1]} (the end is exclusive)")
    return "-".join("" if day is None else f"{day:%Y%m%d}" for day in days)


def _day(flag: str, text: str, form: str) -> date | None:
    if not text:
        return None
    try:
        if form == "iso":
            return date.fromisoformat(text)
        if len(text) != 8:
            raise ValueError(text)
        return date(int(text[:4]), int(text[4:6]), int(text[6:]))
    except ValueError:
        wanted = "2024-01-31" if form == "iso" else "20240131"
        raise UsageError(f"{flag}: {text} is not a day; write it like {wanted}") from None


def _timeframe(text: str) -> Timeframe:
    try:
        return Timeframe(text)
    except ValueError:
        raise UsageError(f"--timeframe {text}: choose one of {', '.join(Timeframe)}") from None


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
