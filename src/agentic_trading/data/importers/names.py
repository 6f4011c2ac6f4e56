"""Reads off a file's name which market and timeframe it holds, in the conventions people use."""

import re
from pathlib import Path

import msgspec

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import UsageError
from agentic_trading.data.history import Kind
from agentic_trading.data.instruments import parse_symbol

_LENGTH = r"(?P<timeframe>\d+[mhd])"
_SHARED = re.compile(
    rf"^(?P<venue>[a-z]+)_(?P<market>spot|usdm|linear|perp)_(?P<base>[A-Z0-9]+)-(?P<quote>[A-Z0-9]+?)(?:-PERP)?"
    rf"_(?:(?P<kind>mark|funding)_)?(?:{_LENGTH}|rawstamps)(?:_\d{{8}}-\d{{8}})?$"
)
_FREQTRADE = re.compile(
    rf"^(?P<base>[A-Z0-9]+)_(?P<quote>[A-Z0-9]+?)(?:_(?P<settle>[A-Z0-9]+))?-{_LENGTH}"
    r"(?:-(?P<kind>futures|mark|funding_rate))?$"
)
_ARCHIVE = re.compile(
    rf"^(?P<joined>[A-Z0-9]+)-(?:{_LENGTH}|(?P<kind>fundingRate))-\d{{4}}-\d{{2}}(?:-\d{{2}})?$"
)
_LOOSE = re.compile(
    rf"^(?:(?P<venue>binance|bybit)[-_])?(?P<joined>[A-Z0-9]+(?:[-_][A-Z0-9]+)?)[-_]{_LENGTH}(?:[-_.].*)?$",
    re.IGNORECASE,
)
_NOT_CANDLES = re.compile(
    r"(?<![a-z])(trades?|aggtrades|quotes?|bookticker|depth|orderbook)(?![a-z])", re.IGNORECASE
)


class FileIdentity(msgspec.Struct, frozen=True):
    """What a file holds as far as its name tells; None where it does not. ``notes`` say what was assumed."""

    exchange: str | None = None
    symbol: str | None = None
    kind: Kind = "candles"
    timeframe: Timeframe | None = None
    notes: tuple[str, ...] = ()


def identify(path: Path) -> FileIdentity:
    """The identity of a file by its name and folders; raises UsageError for trades and quotes."""
    refuse_other_data(path)
    stem = path.name.split(".")[0]
    for pattern, reader in (
        (_SHARED, _shared),
        (_FREQTRADE, _freqtrade),
        (_ARCHIVE, _archive),
        (_LOOSE, _loose),
    ):
        match = pattern.match(stem)
        if match:
            return reader(match, path)
    return FileIdentity()


def refuse_other_data(path: Path, columns: list[str] | None = None) -> None:
    """Raise UsageError if the name or the columns are those of trades, quotes or order books."""
    names = set(columns or [])
    by_columns = ({"price", "quantity"} <= names or {"bid", "ask"} <= names) and "open" not in names
    if by_columns or (columns is None and _NOT_CANDLES.search(path.name)):
        raise UsageError(
            f"{path} holds trades or quotes, but history is kept as candles: give a file with columns "
            f"timestamp, open, high, low, close, volume"
        )


def _timeframe(text: str | None) -> Timeframe | None:
    return Timeframe(text.lower()) if text and text.lower() in list(Timeframe) else None


def _pair(base: str, quote: str, linear: bool) -> str:
    return f"{base}/{quote}:{quote}" if linear else f"{base}/{quote}"


def _shared(match: re.Match[str], path: Path) -> FileIdentity:
    symbol = _pair(match["base"], match["quote"], match["market"] != "spot")
    kind: Kind = "mark" if match["kind"] == "mark" else "funding" if match["kind"] else "candles"
    return FileIdentity(match["venue"], symbol, kind, _timeframe(match["timeframe"]))


def _freqtrade(match: re.Match[str], path: Path) -> FileIdentity:
    folders = [folder.lower() for folder in path.parts[:-1]]
    linear = match["settle"] is not None or match["kind"] is not None or folders[-1:] == ["futures"]
    exchange = next((name for name in ("binance", "bybit") if name in folders), None)
    kinds: dict[str | None, Kind] = {"mark": "mark", "funding_rate": "funding"}
    symbol = _pair(match["base"], match["quote"], linear)
    return FileIdentity(exchange, symbol, kinds.get(match["kind"], "candles"), _timeframe(match["timeframe"]))


def _archive(match: re.Match[str], path: Path) -> FileIdentity:
    folders = [folder.lower() for folder in path.parts[:-1]]
    kind: Kind = "funding" if match["kind"] else "mark" if "markpriceklines" in folders else "candles"
    linear = kind != "candles" or bool({"um", "futures", "usdm", "linear"} & set(folders))
    spot, _ = parse_symbol(match["joined"])
    symbol = f"{spot}:{spot.partition('/')[2]}" if linear else spot
    note = (
        "" if linear else f"{path.name} was read as the spot market {symbol}; for the perpetual use --symbols"
    )
    return FileIdentity("binance", symbol, kind, _timeframe(match["timeframe"]), (note,) if note else ())


def _loose(match: re.Match[str], path: Path) -> FileIdentity:
    joined = match["joined"].upper().replace("_", "-")
    try:
        symbol, _ = parse_symbol(joined.replace("-", "/"))
    except UsageError:
        return FileIdentity(timeframe=_timeframe(match["timeframe"]))
    exchange = match["venue"].lower() if match["venue"] else None
    note = f"{path.name} was read as the spot market {symbol}; for the perpetual use --symbols"
    return FileIdentity(exchange, symbol, "candles", _timeframe(match["timeframe"]), (note,))
