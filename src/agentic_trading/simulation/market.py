"""The assumptions for every market of a run, from the settings."""

from collections.abc import Mapping

from agentic_trading.core.models import Instrument
from agentic_trading.core.money import decimal_of
from agentic_trading.simulation.costs import FREE, CostModel
from agentic_trading.simulation.resting import MarketModel
from agentic_trading.simulation.settings import SimulationSettings, fee_rates


def market_models(
    instruments: Mapping[str, Instrument], settings: SimulationSettings
) -> dict[str, MarketModel]:
    """Fees, costs, latency and participation by symbol; ``next_open`` fills cost nothing but the fee.

    Raises ConfigError if a venue's fees are neither known nor given.
    """
    comparing = settings.fills == "next_open"
    spread = decimal_of(settings.half_spread_bps)
    if settings.slippage == "fixed":
        costs = CostModel(spread + decimal_of(settings.slippage_bps))
    else:
        costs = CostModel(spread, decimal_of(settings.slippage_volatility_factor))
    models = {}
    for symbol, instrument in instruments.items():
        maker, taker = fee_rates(instrument.venue, instrument.market, settings)
        models[symbol] = MarketModel(
            maker_fee=maker,
            taker_fee=taker,
            costs=FREE if comparing else costs,
            latency_ns=0 if comparing else settings.latency_ms * 1_000_000,
            participation=decimal_of(settings.participation_ratio),
        )
    return models
