"""The assumptions for every market of a run, from the settings."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.errors import ConfigError
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO, decimal_of
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.margin import max_notional, tiers_of
from agentic_trading.simulation.resting import FeeAsset, MarketModel
from agentic_trading.simulation.settings import SimulationSettings, fee_rates

MILLISECOND_NS = 1_000_000


def market_models(
    instruments: Mapping[str, Instrument], settings: SimulationSettings
) -> dict[str, MarketModel]:
    """Fees, costs, latency and participation by symbol; ``next_open`` fills cost nothing but the fee.

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
            seed=settings.seed,
            optimistic=settings.ambiguity == "optimistic",
            touch_fills=settings.limit_fills == "touch",
            hedged=settings.position_mode == "hedge",
            fee_asset=_fee_asset(settings),
            leverage=_leverage(instrument, settings),
            isolated=settings.margin_mode == "isolated" and instrument.can_short,
        )
    return models


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
