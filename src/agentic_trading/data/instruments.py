"""What can be traded and under which rules: symbols as people write them, built-in and stored rules."""

import difflib
import re
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec

from agentic_trading.core.enums import Market
from agentic_trading.core.errors import CorruptData, MissingData, UsageError
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.history.manifest import write_atomically

QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "BTC", "ETH")
"""Quote assets by which a joined name such as BTCUSDT is split, longest match first in spirit and order."""

_COMMON = ("BTC", "ETH", "SOL", "XRP", "DOGE", "LTC")
_UNIFIED = re.compile(r"^([A-Z0-9]{1,20})/([A-Z0-9]{2,10})(?::([A-Z0-9]{2,10}))?$")
_PARTS = re.compile(r"[-_/.:\s]+")

_FALLBACK_MIN_NOTIONAL = Decimal(5)
_LOT_WORTH = 0.1
_BUILT_IN = Path(__file__).with_name("builtin_rules.json")


def parse_symbol(text: str) -> tuple[str, str | None]:
    """The unified symbol a person meant, and a note when it was not written that way.

    ``BTC/USDT`` is spot, ``BTC/USDT:USDT`` the linear perpetual; ``BTCUSDT`` is read as spot. Anything
    else raises UsageError with the nearest valid form.
    """
    written = text.strip().upper()
    unified = _UNIFIED.match(written)
    if unified and unified[3] in (None, unified[2]):
        return written, None if written == text else f"{text!r} was read as {written}"
    if re.fullmatch(r"[A-Z0-9]+", written):
        split = _split_joined(written)
        if split:
            symbol = f"{split[0]}/{split[1]}"
            return (
                symbol,
                f"{text} was read as the spot market {symbol} (the perpetual is {symbol}:{split[1]})",
            )
    raise UsageError(f"{text!r} is not a symbol; did you mean {_nearest(written)}?")


def market_of(symbol: str) -> Market:
    """Spot or linear, by the form of a unified symbol."""
    return Market.LINEAR if ":" in symbol else Market.SPOT


def _split_joined(name: str) -> tuple[str, str] | None:
    for quote in QUOTES:
        base = name.removesuffix(quote)
        if base != name and len(base) >= 2:
            return base, quote
    return None


def _nearest(written: str) -> str:
    perpetual = any(mark in written for mark in (":", "PERP", "SWAP", ".P"))
    words = [word for word in _PARTS.split(written) if word and word not in ("PERP", "SWAP", "P")]
    joined = words[0].removesuffix("PERP") if words else ""
    split = _split_joined(joined)
    if len(words) >= 2 and words[1] in QUOTES:
        base, quote = words[0], words[1]
    elif split:
        base, quote = split
    else:
        close = difflib.get_close_matches(joined, _COMMON, 1, 0.5)
        base, quote = (close[0] if close else (joined if joined.isalnum() else "BTC")), "USDT"
    return f"{base}/{quote}:{quote}" if perpetual else f"{base}/{quote}"


class _Group(msgspec.Struct, frozen=True):
    """Rules from one source, as of one day."""

    source: str
    as_of: str
    instruments: tuple[Instrument, ...]


@cache
def _built_in() -> dict[tuple[str, str], Instrument]:
    groups = msgspec.json.decode(_BUILT_IN.read_bytes(), type=tuple[_Group, ...])
    return {(each.venue, each.symbol): each for group in groups for each in group.instruments}


def builtin_instrument(venue: str, symbol: str) -> Instrument | None:
    """Rules of the common USDT markets on Binance and Bybit, or None for others.

    They are what ``builtin_rules.json`` recorded at the day it names, and venues change them now and then:
    an ``instrument.json`` beside the data overrides them. The sample market trades by Binance's rules.
    """
    return _built_in().get((venue, symbol))


def load_instrument(store: HistoryStore, venue: str, symbol: str) -> Instrument:
    """The rules to trade by: ``instrument.json`` if there is one, else built in, else read off the data.

    The last resort takes the price step from the decimals the first stored closes use (later ones would be
    the future of a run that starts there) and a quantity step worth at most 0.1 quote. Raises CorruptData
    if the file cannot be used, MissingData if nothing is known.
    """
    return known_instrument(store, venue, symbol) or _from_prices(store, venue, symbol)


def known_instrument(store: HistoryStore, venue: str, symbol: str) -> Instrument | None:
    """The rules as somebody wrote them down: stored, else built in, else None.

    Raises CorruptData if the stored ones cannot be used.
    """
    path = store.folder(venue, symbol) / "instrument.json"
    if not path.exists():
        return builtin_instrument(venue, symbol)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Instrument)
    except (msgspec.DecodeError, OSError) as problem:
        raise CorruptData(
            f"{path} does not describe an instrument: {problem}; delete it or correct it"
        ) from None


def save_instrument(store: HistoryStore, instrument: Instrument) -> None:
    """Keep an instrument's rules beside its data; they then override the built-in ones."""
    path = store.folder(instrument.venue, instrument.symbol) / "instrument.json"
    write_atomically(path, msgspec.json.format(msgspec.json.encode(instrument)))


def _from_prices(store: HistoryStore, venue: str, symbol: str) -> Instrument:
    closes = store.first_closes(venue, symbol)
    if not closes:
        raise MissingData(
            f"nothing is known about {symbol} on {venue}: no rules and no candles; import or download some"
        )
    exponents = [decimal_of(close).normalize().as_tuple().exponent for close in closes]
    tick = Decimal(1).scaleb(min(0, *(int(exponent) for exponent in exponents)))
    lot = Decimal(1)
    while float(lot) * closes[-1] > _LOT_WORTH and lot > Decimal("0.00000001"):
        lot = lot.scaleb(-1)
    base, _, quote = symbol.partition(":")[0].partition("/")
    return Instrument(venue, symbol, market_of(symbol), base, quote, tick, lot, lot, _FALLBACK_MIN_NOTIONAL)
