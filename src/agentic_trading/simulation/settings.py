"""What trading costs and how fast it is at the simulated venue."""

from decimal import Decimal
from typing import Literal

from pydantic import Field

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import BasisPoints, Share
from agentic_trading.core.enums import Market
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.money import decimal_of

# Public base tiers, basis points (maker, taker); the sample market charges what Binance does.
_PUBLIC_FEES: dict[tuple[str, Market], tuple[float, float]] = {
    ("binance", Market.SPOT): (10.0, 10.0),
    ("binance", Market.LINEAR): (2.0, 5.0),
    ("bybit", Market.SPOT): (10.0, 10.0),
    ("bybit", Market.LINEAR): (2.0, 5.5),
    ("sample", Market.SPOT): (10.0, 10.0),
    ("sample", Market.LINEAR): (2.0, 5.0),
}


class SimulationSettings(Section):
    """Section ``[simulation]``: fees, spread, slippage, latency and how fills are made."""

    maker_fee_bps: BasisPoints | None = Field(
        None, description="maker fee, basis points; absent: the venue's public base tier"
    )
    taker_fee_bps: BasisPoints | None = Field(
        None, description="taker fee, basis points; absent: the venue's public base tier"
    )
    half_spread_bps: BasisPoints = Field(
        1.0, description="half the bid-ask spread paid by market orders, basis points"
    )
    slippage: Literal["fixed", "volatility"] = Field("fixed", description="which slippage model")
    slippage_bps: BasisPoints = Field(2.0, description="slippage of the fixed model, basis points")
    slippage_volatility_factor: float = Field(
        0.1,
        ge=0,
        le=1,
        description="slippage of the volatility model, share of the candle's high-low range ratio",
    )
    latency_ms: int = Field(
        250, ge=0, le=60_000, description="from decision to arrival at the venue, milliseconds"
    )
    participation_ratio: Share = Field(
        0.1, description="largest share of a candle's volume our orders may take"
    )
    fills: Literal["realistic", "next_open"] = Field(
        "realistic", description="next_open has no latency, spread or slippage and is for comparisons"
    )


def fee_rates(venue: str, market: Market, settings: SimulationSettings) -> tuple[Decimal, Decimal]:
    """Maker and taker fee as exact ratios of the notional (0.001 is 10 bps).

    A fee in the settings wins over the venue's public base tier. Raises ConfigError for a venue whose
    tier is not known when a fee is not given.
    """
    given = (settings.maker_fee_bps, settings.taker_fee_bps)
    public = _PUBLIC_FEES.get((venue, market))
    if public is None:
        if None in given:
            raise ConfigError(
                f"The fees of {venue} {market} are not known: "
                "set simulation.maker_fee_bps and simulation.taker_fee_bps."
            )
        public = (0.0, 0.0)
    maker, taker = (tier if own is None else own for own, tier in zip(given, public, strict=True))
    return decimal_of(maker).scaleb(-4), decimal_of(taker).scaleb(-4)
