"""Dumps of ccxt: ``exchange.markets`` and ``exchange.fetch_leverage_tiers()`` as JSON."""

from collections.abc import Sequence
from decimal import Decimal
from functools import partial

from agentic_trading.core.enums import Market
from agentic_trading.core.models import Instrument, MarginTier
from agentic_trading.core.money import ONE
from agentic_trading.data.rules.fields import Fields, Offers
from agentic_trading.data.rules.tiers import Step, margin_table


def instruments(markets: Sequence[Fields], venue: str) -> Offers[Instrument]:
    """The spot markets and linear perpetuals of a dump; others are left out.

    Precisions are steps, or in dumps of old versions counts of decimals: a dump in which some price step
    is a fraction is of the first kind.
    """
    as_steps = any(each.within("precision").amount("price") % 1 for each in markets)
    for each in markets:
        base, quote = each.text("base"), each.text("quote")
        if each.content.get("spot"):
            symbol = f"{base}/{quote}"
            yield symbol, partial(_instrument, each, venue, symbol, Market.SPOT, as_steps)
        elif each.content.get("swap") and each.content.get("linear") and each.text("settle") == quote:
            symbol = f"{base}/{quote}:{quote}"
            yield symbol, partial(_instrument, each, venue, symbol, Market.LINEAR, as_steps)


def tables(document: Fields) -> Offers[tuple[MarginTier, ...]]:
    """Unified symbol and margin table of each entry of the leverage tiers."""
    for symbol in document.content:
        yield symbol, partial(_table, document, symbol)


def _table(document: Fields, symbol: str) -> tuple[MarginTier, ...]:
    return margin_table([_step_of_table(row) for row in document.items(symbol)])


def _step_of_table(row: Fields) -> Step:
    rate, leverage = row.step("maintenanceMarginRate"), row.step("maxLeverage")
    return Step(row, row.limit("maxNotional"), rate, leverage)


def _instrument(each: Fields, venue: str, symbol: str, market: Market, as_steps: bool) -> Instrument:
    precision, limits = each.within("precision"), each.within("limits")
    amount, cost = limits.within("amount"), limits.within("cost")
    size = each.amount("contractSize") if "contractSize" in each else ONE
    lot = _step(precision, "amount", as_steps) * size
    least = amount.limit("min")
    most = amount.limit("max")
    tick = _step(precision, "price", as_steps)
    return Instrument(
        venue, symbol, market, each.text("base"), each.text("quote"), tick, lot,
        lot if least is None else least * size, cost.limit("min") or Decimal(0),
        max_quantity=None if most is None else most * size, contract_size=ONE if size == 1 else size,
    )  # fmt: skip


def _step(precision: Fields, name: str, as_steps: bool) -> Decimal:
    return precision.step(name) if as_steps else ONE.scaleb(-int(precision.amount(name)))
