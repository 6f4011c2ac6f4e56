"""The assumptions for every market of a run, from the settings."""

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from agentic_trading.core.enums import Market
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO, decimal_of, exact
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.margin import max_notional, tiers_of
from agentic_trading.simulation.resting import FeeAsset, MarketModel
from agentic_trading.simulation.settings import SimulationSettings, fee_rates

MILLISECOND_NS = 1_000_000


def market_models(
    instruments: Mapping[str, Instrument], settings: SimulationSettings, seed: int
) -> dict[str, MarketModel]:
    """Fees, costs, latency and participation by symbol; ``next_open`` fills cost nothing but the fee.

    ``seed`` is the run's; the settings may name one of their own.
    Raises ConfigError if a venue's fees are neither known nor given, or for a leverage that is not allowed.
    """
    if settings.fills == "next_open":
        shared = MarketModel(ZERO, ZERO, FREE, 0, decimal_of(settings.participation_ratio))
    else:
        shared = MarketModel(
            ZERO,
            ZERO,
            _costs(settings),
            settings.latency_ms * MILLISECOND_NS,
            decimal_of(settings.participation_ratio),
            amend_latency_ns=_nanoseconds(settings.amend_latency_ms),
            cancel_latency_ns=_nanoseconds(settings.cancel_latency_ms),
            report_latency_ns=settings.report_latency_ms * MILLISECOND_NS,
            jitter_ns=settings.latency_jitter_ms * MILLISECOND_NS,
            reject_ratio=settings.reject_ratio,
        )
    models = {}
    for symbol, instrument in instruments.items():
        maker, taker = fee_rates(instrument.venue, instrument.market, settings)
        models[symbol] = msgspec.structs.replace(
            shared,
            maker_fee=maker,
            taker_fee=taker,
            seed=seed if settings.seed is None else settings.seed,
            optimistic=settings.ambiguity == "optimistic",
            touch_fills=settings.limit_fills == "touch",
            hedged=settings.position_mode == "hedge",
            fee_asset=_fee_asset(settings),
            leverage=_leverage(instrument, settings),
            isolated=settings.margin_mode == "isolated" and instrument.can_short,
        )
    return models


class Funds(NamedTuple):
    """What an account starts with: balances by asset, and the stated prices of those that are not cash.

    A price is what one unit is worth in quote currency, all through the run.
    """

    balances: Mapping[str, Decimal]
    prices: Mapping[str, Decimal]


def starting_funds(
    capital: Decimal, quote: str, instruments: Mapping[str, Instrument], settings: SimulationSettings
) -> Funds:
    """The capital as cash, less what the stock of the fee asset costs at its stated price.

    So the account is worth the capital at the start, whatever fees are paid in. Raises ConfigError for a
    stock that the capital cannot buy, and for a fee asset that is traded or counted in by itself.
    """
    stock, quantity = _fee_asset(settings), settings.fee_asset_quantity
    if stock is None or quantity is None:
        return Funds({quote: capital}, {})
    asset = stock.asset
    spot = [each for each in instruments.values() if each.market is Market.SPOT]
    traded = [each.symbol for each in spot if each.base == asset]
    if asset == quote or traded:
        use = f"{traded[0]} is traded in this run" if traded else "everything is counted in it"
        raise ConfigError(
            f"simulation.fee_asset: {asset} cannot be a stock for fees, because {use}; "
            "leave out the fee_asset settings and give the lower maker_fee_bps and taker_fee_bps instead."
        )
    with exact():
        cash = capital - quantity * stock.price
    if cash <= ZERO:
        raise ConfigError(
            f"simulation.fee_asset_quantity: {quantity} {asset} cost {capital - cash} {quote}, "
            f"and the capital is {capital}; choose less, or more capital."
        )
    return Funds({quote: cash, asset: quantity}, {asset: stock.price})


def _leverage(instrument: Instrument, settings: SimulationSettings) -> Decimal:
    """The leverage of a symbol, which its margin table must allow."""
    wanted = decimal_of(settings.symbol_leverage.get(instrument.symbol, settings.leverage))
    table = tiers_of(instrument)
    if instrument.can_short and max_notional(wanted, table) == ZERO:
        most = max(tier.max_leverage for tier in table)
        raise ConfigError(
            f"simulation.leverage: {instrument.symbol} cannot be held at {wanted.normalize():f}; "
            f"its margin table allows at most {most.normalize():f}."
        )
    return wanted


def _costs(settings: SimulationSettings) -> CostModel:
    spread = decimal_of(settings.half_spread_bps)
    if settings.slippage == "fixed":
        return CostModel(spread + decimal_of(settings.slippage_bps))
    if settings.slippage == "volatility":
        return CostModel(spread, decimal_of(settings.slippage_volatility_factor))
    return CostModel(spread, impact_factor=decimal_of(settings.slippage_impact_factor))


def _nanoseconds(milliseconds: int | None) -> int | None:
    return None if milliseconds is None else milliseconds * MILLISECOND_NS


def _fee_asset(settings: SimulationSettings) -> FeeAsset | None:
    if settings.fee_asset is None or settings.fee_asset_price is None:
        return None
    discount = decimal_of(settings.fee_asset_discount_ratio)
    return FeeAsset(settings.fee_asset, decimal_of(settings.fee_asset_price), discount)
