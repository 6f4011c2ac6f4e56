"""Brings the rules of instruments into the history store, beside the data they hold for.

A venue's document names hundreds of markets; only those are kept that have data in the store, or are asked
for. What a document does not say (an ``exchangeInfo`` has no margin table) stays as it was known.
"""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import msgspec

from agentic_trading.core.enums import Market
from agentic_trading.core.errors import CorruptData, MissingData, UsageError
from agentic_trading.core.models import Instrument, MarginTier
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.instruments import known_instrument, load_instrument, parse_symbol, save_instrument
from agentic_trading.data.rules import binance, bybit, ccxt_markets
from agentic_trading.data.rules.fields import Fields, Offers

Table = tuple[MarginTier, ...]

_KINDS = (
    "Binance exchangeInfo or leverageBracket, Bybit instruments-info or risk-limit, "
    "ccxt exchange.markets or leverage tiers"
)


class RulesReport(msgspec.Struct, frozen=True):
    """What became of one document: whose rules it holds, which were kept, and how many were not wanted."""

    path: str
    exchange: str
    kind: str
    kept: tuple[str, ...]
    passed_over: int


class _Found(msgspec.Struct, frozen=True):
    exchange: str
    kind: str
    instruments: dict[str, Callable[[], Instrument]] = {}
    tables: dict[str, Callable[[], Table]] = {}


def import_rules(
    path: Path, store: HistoryStore, *, symbols: Collection[str] = (), exchange: str | None = None
) -> RulesReport:
    """Read one document and write ``instrument.json`` of the markets stored, or of ``symbols``.

    ``exchange`` is needed for a dump of ccxt, which does not name its venue. Raises UsageError if the
    document is of no known kind or the venue is open, CorruptData naming file, market and field,
    MissingData if none of the markets is wanted or one of ``symbols`` is not in it.
    """
    found = _read(path, exchange)
    offered = list(found.instruments) + list(found.tables)
    absent = [symbol for symbol in symbols if symbol not in offered]
    if absent:
        raise MissingData(f"{path} has no rules for {', '.join(absent)}")
    wanted = [
        each for each in offered
        if (each in symbols if symbols else store.folder(found.exchange, each).is_dir())
    ]  # fmt: skip
    if not wanted:
        raise MissingData(
            f"{path} has rules of {len(offered)} markets of {found.exchange}, but no data of any is stored "
            f"under {store.root}: name the markets with --symbols"
        )
    for rules in [_joined(store, found, symbol) for symbol in wanted]:  # all are sound before one is written
        save_instrument(store, rules)
    return RulesReport(str(path), found.exchange, found.kind, tuple(wanted), len(offered) - len(wanted))


def _joined(store: HistoryStore, found: _Found, symbol: str) -> Instrument:
    if symbol in found.tables:
        base = load_instrument(store, found.exchange, symbol)
        return msgspec.structs.replace(base, tiers=found.tables[symbol]())
    rules = found.instruments[symbol]()
    known = known_instrument(store, found.exchange, symbol)
    if known is None or rules.market is not Market.LINEAR:
        return rules
    fee, interval = rules.liquidation_fee_ratio, rules.funding_interval_ns
    return msgspec.structs.replace(
        rules,
        tiers=rules.tiers or known.tiers,
        liquidation_fee_ratio=known.liquidation_fee_ratio if fee is None else fee,
        funding_interval_ns=known.funding_interval_ns if interval is None else interval,
    )


# --- which document it is ------------------------------------------------------------------------


def _read(path: Path, exchange: str | None) -> _Found:
    try:
        content = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        raise MissingData(f"there is no file {path}") from None
    except (OSError, msgspec.DecodeError) as problem:
        raise CorruptData(f"{path} is not a JSON document: {problem}") from None
    if _is_bracket(content):
        return _Found("binance", "leverageBracket", tables=_perpetuals(binance.tables(content, path)))
    if isinstance(content, list):
        return _dump(list(Fields({"markets": content}, path).items("markets", "symbol")), path, exchange)
    document = Fields(content, path)
    if "symbols" in document:
        return _Found("binance", "exchangeInfo", dict(binance.instruments(document)))
    if "result" in document:
        return _bybit(document)
    if content and all(isinstance(each, list) for each in content.values()):
        return _Found(_venue(exchange, path), "leverage tiers", tables=dict(ccxt_markets.tables(document)))
    if content and all(isinstance(each, dict) for each in content.values()):
        return _dump([document.within(name, name) for name in content], path, exchange)
    raise UsageError(f"{path} is no document of rules that is known: {_KINDS}")


def _bybit(document: Fields) -> _Found:
    rows = list(document.within("result", "result").items("list"))
    if rows and "riskLimitValue" in rows[0]:
        return _Found("bybit", "risk-limit", tables=_perpetuals(bybit.tables(document)))
    return _Found("bybit", "instruments-info", dict(bybit.instruments(document)))


def _dump(markets: list[Fields], path: Path, exchange: str | None) -> _Found:
    if not markets or not all("precision" in each for each in markets):
        raise UsageError(f"{path} is no document of rules that is known: {_KINDS}")
    venue = _venue(exchange, path)
    return _Found(venue, "ccxt markets", dict(ccxt_markets.instruments(markets, venue)))


def _venue(exchange: str | None, path: Path) -> str:
    if exchange is None:
        raise UsageError(f"{path} is a dump of ccxt, which does not name its exchange: add --exchange")
    return exchange


def _is_bracket(content: Any) -> bool:
    first = content[0] if isinstance(content, list) and content else content
    return isinstance(first, dict) and "brackets" in first


def _perpetuals(tables: Offers[Table]) -> dict[str, Callable[[], Table]]:
    """By unified symbol; delivery contracts (``BTCUSDT_260626``) and names we cannot write are left out."""
    found = {}
    for joined, table in tables:
        try:
            spot = parse_symbol(joined)[0]
        except UsageError:
            continue
        found[f"{spot}:{spot.partition('/')[2]}"] = table
    return found
