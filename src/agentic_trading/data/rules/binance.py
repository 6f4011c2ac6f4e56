"""Binance's documents: ``exchangeInfo`` of spot and of USDT-M futures, and ``leverageBracket``."""

from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from agentic_trading.core.enums import HOUR_NS, Market
from agentic_trading.core.models import Halt, Instrument, MarginTier, PriceBand
from agentic_trading.data.rules.fields import MS, Fields, Offers
from agentic_trading.data.rules.tiers import Step, margin_table

_NEVER_MS = 4_133_404_800_000
"""The delivery date of a contract that has none (2100-12-25)."""
_OVER = ("SETTLING", "CLOSE", "DELIVERED", "DELIVERING", "PRE_SETTLE", "PRE_DELIVERING")
_NOT_YET = ("PENDING_TRADING", "PRE_TRADING")
_FUNDING_INTERVAL_NS = 8 * HOUR_NS
"""Where ``fundingInfo`` does not name a contract, it settles every eight hours."""


def instruments(document: Fields) -> Offers[Instrument]:
    """The spot markets or the perpetuals of an ``exchangeInfo``; other contracts are left out."""
    for each in document.items("symbols", "symbol"):
        pair = f"{each.text('baseAsset')}/{each.text('quoteAsset')}"
        if "contractType" not in each:
            yield pair, partial(_spot, each, document)
        elif each.text("contractType") == "PERPETUAL" and each.text("marginAsset") == each.text("quoteAsset"):
            yield f"{pair}:{each.text('quoteAsset')}", partial(_perpetual, each, document)


def tables(content: object, path: Path) -> Offers[tuple[MarginTier, ...]]:
    """Joined symbol (``BTCUSDT``) and margin table of each entry of a ``leverageBracket``."""
    document = Fields({"symbols": content if isinstance(content, list) else [content]}, path)
    for each in document.items("symbols", "symbol"):
        yield each.text("symbol"), partial(_table, each)


def _table(each: Fields) -> tuple[MarginTier, ...]:
    return margin_table([_bracket(row) for row in each.items("brackets")])


def _bracket(row: Fields) -> Step:
    cap, rate, leverage = (row.step(name) for name in ("notionalCap", "maintMarginRatio", "initialLeverage"))
    return Step(row, cap, rate, leverage, row.amount("cum"))


def _spot(each: Fields, document: Fields) -> Instrument:
    base, quote = each.text("baseAsset"), each.text("quoteAsset")
    rules = _Filters(each)
    return Instrument(
        "binance", f"{base}/{quote}", Market.SPOT, base, quote, **rules.steps(),
        price_band=rules.band(),
        halts=_halts(each.text("status"), document.time_ns("serverTime")),
    )  # fmt: skip


def _perpetual(each: Fields, document: Fields) -> Instrument:
    base, quote = each.text("baseAsset"), each.text("quoteAsset")
    status = each.text("status")
    rules = _Filters(each)
    ends_ns = each.time_ns("deliveryDate")
    over = status in _OVER or (ends_ns is not None and ends_ns < _NEVER_MS * MS)
    fee = each.limit("liquidationFee")
    return Instrument(
        "binance", f"{base}/{quote}:{quote}", Market.LINEAR, base, quote, **rules.steps(),
        price_band=rules.band(), liquidation_fee_ratio=fee, funding_interval_ns=_FUNDING_INTERVAL_NS,
        delisted_ns=ends_ns if over else None,
        halts=() if over else _halts(status, document.time_ns("serverTime")),
    )  # fmt: skip


def _halts(status: str, seen_ns: int | None) -> tuple[Halt, ...]:
    """A market that does not trade is halted from when it was seen so."""
    if status == "TRADING" or status in _NOT_YET or seen_ns is None:
        return ()
    return (Halt(seen_ns),)


class _Filters:
    """The ``filters`` of one symbol, by type."""

    def __init__(self, each: Fields) -> None:
        self._each = each
        self._known = {one.text("filterType"): one for one in each.items("filters", "filterType")}

    def steps(self) -> dict[str, Any]:
        """Tick, lot and the limits of an order, as fields of `Instrument`."""
        lot = self._named("LOT_SIZE")
        rules = {
            "tick": self._named("PRICE_FILTER").step("tickSize"),
            "lot": lot.step("stepSize"),
            "min_quantity": lot.amount("minQty"),
            "min_notional": self._least(),
        }
        most = {"max_quantity": lot.limit("maxQty"), "max_market_quantity": self._most_at_market()}
        return rules | {name: value for name, value in most.items() if value is not None}

    def band(self) -> PriceBand | None:
        """Of the filter by side the bounds that keep an order from reaching through the market."""
        if "PERCENT_PRICE" in self._known:
            band = self._known["PERCENT_PRICE"]
            return PriceBand(band.amount("multiplierDown"), band.amount("multiplierUp"))
        if "PERCENT_PRICE_BY_SIDE" in self._known:
            band = self._known["PERCENT_PRICE_BY_SIDE"]
            return PriceBand(band.amount("askMultiplierDown"), band.amount("bidMultiplierUp"))
        return None

    def _named(self, name: str) -> Fields:
        if name not in self._known:
            raise self._each.wrong("filters", list(self._known), f"a list with {name}")
        return self._known[name]

    def _least(self) -> Decimal:
        found = self._known.get("NOTIONAL") or self._named("MIN_NOTIONAL")
        return found.amount("notional" if "notional" in found else "minNotional")

    def _most_at_market(self) -> Decimal | None:
        found = self._known.get("MARKET_LOT_SIZE")
        return found.limit("maxQty") if found is not None else None
