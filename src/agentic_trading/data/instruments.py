"""What can be traded and under which rules: symbols as people write them, built-in and stored rules."""

import difflib
import re
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import Market
from agentic_trading.core.errors import CorruptData, MissingData, UsageError
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.history.manifest import write_atomically

QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD", "EUR", "BTC", "ETH")
"""Quote assets by which a joined name such as BTCUSDT is split, longest match first in spirit and order."""

_UNIFIED = re.compile(r"^([A-Z0-9]{1,20})/([A-Z0-9]{2,10})(?::([A-Z0-9]{2,10}))?$")
_PARTS = re.compile(r"[-_/.:\s]+")

# (base, market, venue) -> tick, lot, smallest quantity, smallest order in USDT
_SPOT_BINANCE = {
    "BTC": ("0.01", "0.00001", "0.00001", "5"),
    "ETH": ("0.01", "0.0001", "0.0001", "5"),
    "SOL": ("0.01", "0.001", "0.001", "5"),
    "XRP": ("0.0001", "0.1", "0.1", "5"),
    "DOGE": ("0.00001", "1", "1", "5"),
    "LTC": ("0.01", "0.001", "0.001", "5"),
}
_LINEAR_BINANCE = {
    "BTC": ("0.1", "0.001", "0.001", "100"),
    "ETH": ("0.01", "0.001", "0.001", "20"),
    "SOL": ("0.01", "0.01", "0.01", "5"),
    "XRP": ("0.0001", "0.1", "0.1", "5"),
    "DOGE": ("0.00001", "1", "1", "5"),
    "LTC": ("0.01", "0.001", "0.001", "20"),
}
_SPOT_BYBIT = {
    "BTC": ("0.01", "0.000001", "0.000011", "5"),
    "ETH": ("0.01", "0.00001", "0.00001", "5"),
    "SOL": ("0.01", "0.001", "0.001", "5"),
    "XRP": ("0.0001", "0.01", "0.01", "5"),
    "DOGE": ("0.00001", "0.1", "0.1", "5"),
    "LTC": ("0.01", "0.0001", "0.0001", "5"),
}
_LINEAR_BYBIT = {
    "BTC": ("0.1", "0.001", "0.001", "5"),
    "ETH": ("0.01", "0.01", "0.01", "5"),
    "SOL": ("0.01", "0.1", "0.1", "5"),
    "XRP": ("0.0001", "0.1", "0.1", "5"),
    "DOGE": ("0.00001", "1", "1", "5"),
    "LTC": ("0.01", "0.1", "0.1", "5"),
}
_RULES = {
    ("binance", Market.SPOT): _SPOT_BINANCE,
    ("binance", Market.LINEAR): _LINEAR_BINANCE,
    ("bybit", Market.SPOT): _SPOT_BYBIT,
    ("bybit", Market.LINEAR): _LINEAR_BYBIT,
    ("sample", Market.SPOT): _SPOT_BINANCE,
    ("sample", Market.LINEAR): _LINEAR_BINANCE | {"BTC": ("0.01", "0.001", "0.001", "100")},
}
_FALLBACK_MIN_NOTIONAL = Decimal(5)
_LOT_WORTH = 0.1


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
        close = difflib.get_close_matches(joined, list(_SPOT_BINANCE), 1, 0.5)
        base, quote = (close[0] if close else (joined if joined.isalnum() else "BTC")), "USDT"
    return f"{base}/{quote}:{quote}" if perpetual else f"{base}/{quote}"


def builtin_instrument(venue: str, symbol: str) -> Instrument | None:
    """Rules of the common USDT markets on Binance and Bybit, or None for others.

    They are defaults as the venues publish them at the time of writing and change now and then: an
    ``instrument.json`` beside the data overrides them. The sample market trades by Binance's rules.
    """
    base, _, quote = symbol.partition(":")[0].partition("/")
    rules = _RULES.get((venue, market_of(symbol)), {}).get(base)
    if rules is None or quote != "USDT":
        return None
    return Instrument(venue, symbol, market_of(symbol), base, quote, *(Decimal(rule) for rule in rules))


def load_instrument(store: HistoryStore, venue: str, symbol: str) -> Instrument:
    """The rules to trade by: ``instrument.json`` if there is one, else built in, else read off the data.

    The last resort takes the price step from the decimals the first stored closes use (later ones would be
    the future of a run that starts there) and a quantity step
    worth at most 0.1 quote. Raises CorruptData if the file cannot be used, MissingData if nothing is known.
    """
    path = store.folder(venue, symbol) / "instrument.json"
    if path.exists():
        try:
            return msgspec.json.decode(path.read_bytes(), type=Instrument)
        except (msgspec.DecodeError, OSError) as problem:
            raise CorruptData(
                f"{path} does not describe an instrument: {problem}; delete it or correct it"
            ) from None
    return builtin_instrument(venue, symbol) or _from_prices(store, venue, symbol)


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
