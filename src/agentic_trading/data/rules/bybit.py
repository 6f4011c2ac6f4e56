"""Bybit's documents (v5): ``instruments-info`` of spot and linear, and ``risk-limit``."""

from decimal import Decimal
from functools import partial
from typing import Any

from agentic_trading.core.enums import HOUR_NS, MINUTE_NS, Market
from agentic_trading.core.models import Halt, Instrument, MarginTier, PriceBand
from agentic_trading.core.money import ONE
from agentic_trading.data.rules.fields import Fields, Offers
from agentic_trading.data.rules.tiers import Step, margin_table

_OVER = ("Closed", "Delivering", "Settling")


def instruments(document: Fields) -> Offers[Instrument]:
    """The spot markets and linear perpetuals of an ``instruments-info``; other contracts are left out."""
    for each in document.within("result", "result").items("list", "symbol"):
        kind = each.content.get("contractType")
        pair = f"{each.text('baseCoin')}/{each.text('quoteCoin')}"
        if kind is None and "optionsType" not in each:
            yield pair, partial(_spot, each, document)
        elif kind == "LinearPerpetual" and each.text("settleCoin") == each.text("quoteCoin"):
            yield f"{pair}:{each.text('quoteCoin')}", partial(_perpetual, each, document)


def tables(document: Fields) -> Offers[tuple[MarginTier, ...]]:
    """Joined symbol (``BTCUSDT``) and margin table of each symbol of a ``risk-limit``."""
    rows: dict[str, list[Fields]] = {}
    for each in document.within("result", "result").items("list", "symbol"):
        rows.setdefault(each.text("symbol"), []).append(each)
    for symbol, own in rows.items():
        yield symbol, partial(_table, own)


def _table(rows: list[Fields]) -> tuple[MarginTier, ...]:
    return margin_table([_risk_limit(row) for row in rows])


def _risk_limit(row: Fields) -> Step:
    """One row of ``risk-limit``; its rates are ratios or, in older answers, percent.

    Which it is follows from the initial margin: rate * leverage is 1 or 100.
    """
    leverage = row.step("maxLeverage")
    product = row.amount("initialMargin") * leverage
    if not (Decimal("0.9") < product < Decimal("1.1") or 90 < product < 110):
        raise row.wrong("initialMargin", row.content.get("initialMargin"), f"1 / maxLeverage ({leverage})")
    rate = row.step("maintenanceMargin")
    deduction = row.amount("mmDeduction") if "mmDeduction" in row else None
    return Step(
        row, row.step("riskLimitValue"), rate if product < 2 else rate.scaleb(-2), leverage, deduction
    )


def _spot(each: Fields, document: Fields) -> Instrument:
    base, quote = each.text("baseCoin"), each.text("quoteCoin")
    lot = each.within("lotSizeFilter")
    return Instrument(
        "bybit", f"{base}/{quote}", Market.SPOT, base, quote, _tick(each), lot.step("basePrecision"),
        lot.amount("minOrderQty"), lot.amount("minOrderAmt"), **_known(each, document),
        max_quantity=lot.limit("maxLimitOrderQty") or lot.limit("maxOrderQty"),
        max_market_quantity=lot.limit("maxMarketOrderQty"),
    )  # fmt: skip


def _perpetual(each: Fields, document: Fields) -> Instrument:
    base, quote = each.text("baseCoin"), each.text("quoteCoin")
    lot = each.within("lotSizeFilter")
    over = each.text("status") in _OVER
    return Instrument(
        "bybit", f"{base}/{quote}:{quote}", Market.LINEAR, base, quote, _tick(each), lot.step("qtyStep"),
        lot.amount("minOrderQty"),
        lot.amount("minNotionalValue") if "minNotionalValue" in lot else Decimal(0),
        **_known(each, document),
        max_quantity=lot.limit("maxOrderQty"), max_market_quantity=lot.limit("maxMktOrderQty"),
        funding_interval_ns=_interval_ns(each),
        delisted_ns=each.time_ns("deliveryTime") if over else None,
    )  # fmt: skip


def _tick(each: Fields) -> Decimal:
    return each.within("priceFilter").step("tickSize")


def _known(each: Fields, document: Fields) -> dict[str, Any]:
    """Price band and halt, as fields of `Instrument`.

    The further of the two limit ratios bounds an order's distance from the mark price.
    """
    found: dict[str, Any] = {}
    if "riskParameters" in each:
        limits = each.within("riskParameters")
        ratio = limits.limit("priceLimitRatioY") or limits.limit("priceLimitRatioX")
        if ratio is not None:
            found["price_band"] = PriceBand(ONE - ratio, ONE + ratio)
    seen_ns = document.time_ns("time")
    status = each.text("status")
    if status not in ("Trading", "PreLaunch", *_OVER) and seen_ns is not None:
        found["halts"] = (Halt(seen_ns),)
    return found


def _interval_ns(each: Fields) -> int | None:
    """``fundingInterval`` is in minutes, in some answers in hours; none is shorter than an hour."""
    value = each.limit("fundingInterval")
    if value is None:
        return None
    return int(value) * (HOUR_NS if value <= 24 else MINUTE_NS)
