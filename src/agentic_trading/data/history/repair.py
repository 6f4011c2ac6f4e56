"""What to type when history is missing or broken: every such error carries its own remedy."""

import shlex
from pathlib import Path

from agentic_trading.core.clock import iso
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, MissingData
from agentic_trading.core.models import IntArray
from agentic_trading.data.history.manifest import SeriesKey

DEFAULT_ROOT = Path("data/historical")
DEFAULT_SINCE = "2024-01-01"
FAR_FUTURE_NS = 2**62


def download_command(root: Path, venue: str, symbol: str, timeframe: Timeframe, since: str) -> str:
    """The command that fetches a symbol's candles from a day on."""
    folder = "" if root == DEFAULT_ROOT else f" --data-dir {shlex.quote(str(root))}"
    if venue == "sample":
        return f"agentic-trading data sample{folder}"
    return (
        f"agentic-trading data download --exchange {venue} --symbols {symbol} "
        f"--timeframe {timeframe} --since {since}{folder}"
    )


def since_of(start_ns: int | None) -> str:
    """The day of a time, as the download command takes it; a default where none was asked for."""
    return DEFAULT_SINCE if start_ns is None or start_ns <= 0 else iso(start_ns)[:10]


def nothing_stored(root: Path, key: SeriesKey, stamps: IntArray, first_ns: int, last_ns: int) -> MissingData:
    """The error for a range without a candle; ``stamps`` are the open times that are stored instead."""
    timeframe = key.timeframe or Timeframe.H1
    what = {"mark": f"{timeframe} mark prices", "funding": "funding rates"}.get(
        key.kind, f"{timeframe} candles"
    )
    subject = f"{what} of {key.symbol} on {key.venue}"
    command = download_command(root, key.venue, key.symbol, timeframe, since_of(first_ns))
    remedy = f"get them with: {command} (or bring your own files: agentic-trading data import FILE)"
    if not stamps.size:
        return MissingData(f"there are no {subject} under {root}; {remedy}")
    end = "the end" if last_ns == FAR_FUTURE_NS else iso(last_ns)
    stored = f"{iso(int(stamps[0]))} to {iso(int(stamps[-1]))}"
    return MissingData(
        f"there are no {subject} between {iso(max(0, first_ns))} and {end}, only from {stored}; {remedy}"
    )


def too_coarse(root: Path, key: SeriesKey, stored: list[Timeframe], first_ns: int) -> ConfigError:
    """The error for a timeframe that the stored ones cannot make; names both."""
    timeframe = key.timeframe or Timeframe.H1
    command = download_command(root, key.venue, key.symbol, timeframe, since_of(first_ns))
    return ConfigError(
        f"{timeframe} candles of {key.symbol} cannot be made from the stored {', '.join(stored)} candles; "
        f"use --timeframe {stored[0]}, or get finer ones with: {command}"
    )
