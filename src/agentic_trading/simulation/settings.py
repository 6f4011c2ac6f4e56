"""What trading costs and how fast it is at the simulated venue."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import Amount, BasisPoints, Share
from agentic_trading.core.enums import Market
from agentic_trading.core.errors import ConfigError
from agentic_trading.core.money import decimal_of
from agentic_trading.simulation.fee_tiers import FEE_TIERS

Leverage = Annotated[float, Field(ge=1, le=125)]


class SimulationSettings(Section):
    """Section ``[simulation]``: fees, spread, slippage, latency and how fills are made."""

    maker_fee_bps: BasisPoints | None = Field(
        None, description="maker fee, basis points; absent: the venue's public fee tier"
    )
    taker_fee_bps: BasisPoints | None = Field(
        None, description="taker fee, basis points; absent: the venue's public fee tier"
    )
    fee_tier: str = Field("VIP0", description="which of the venue's public fee tiers")
    fee_asset: str | None = Field(
        None, description="asset in which fees are paid while there is enough of it, such as BNB"
    )
    fee_asset_price: float | None = Field(
        None, gt=0, description="what one unit of the fee asset costs in quote currency"
    )
    fee_asset_quantity: Amount | None = Field(
        None, description="how much of the fee asset is there at the start; bought out of the capital"
    )
    fee_asset_discount_ratio: float = Field(
        0.1, ge=0, lt=1, description="what paying in the fee asset saves, share of the fee"
    )
    half_spread_bps: BasisPoints = Field(
        1.0, description="half the bid-ask spread paid by market orders, basis points"
    )
    slippage: Literal["fixed", "volatility", "impact"] = Field("fixed", description="which slippage model")
    slippage_bps: BasisPoints = Field(2.0, description="slippage of the fixed model, basis points")
    slippage_volatility_factor: float = Field(
        0.1,
        ge=0,
        le=1,
        description="slippage of the volatility model, share of the candle's high-low range ratio",
    )
    slippage_impact_factor: float = Field(
        1.0,
        ge=0,
        le=10,
        description="slippage of the impact model, multiple of volatility x sqrt(share of the volume)",
    )
    latency_ms: int = Field(
        250, ge=0, le=60_000, description="from decision to arrival at the venue, milliseconds"
    )
    amend_latency_ms: int | None = Field(
        None, ge=0, le=60_000, description="the same for amends, milliseconds; absent: as latency_ms"
    )
    cancel_latency_ms: int | None = Field(
        None, ge=0, le=60_000, description="the same for cancels, milliseconds; absent: as latency_ms"
    )
    report_latency_ms: int = Field(
        0, ge=0, le=60_000, description="from an execution to our knowing of it, milliseconds"
    )
    latency_jitter_ms: int = Field(
        0, ge=0, le=60_000, description="mean of an exponential delay on top of each latency, milliseconds"
    )
    reject_ratio: float = Field(0.0, ge=0, lt=1, description="share of orders that are rejected by chance")
    seed: int | None = Field(
        None, ge=0, le=2**63 - 1, description="seed of drawn delays and rejects; absent: backtest.seed"
    )
    participation_ratio: Share = Field(
        0.1, description="largest share of a candle's volume our orders may take"
    )
    fills: Literal["realistic", "next_open"] = Field(
        "realistic", description="next_open has no latency, spread or slippage and is for comparisons"
    )
    ambiguity: Literal["pessimistic", "optimistic"] = Field(
        "pessimistic", description="stop and target in one candle: the stop, or the target first"
    )
    limit_fills: Literal["through", "touch"] = Field(
        "through", description="a resting limit fills when price trades through it, or touches it"
    )
    position_mode: Literal["one_way", "hedge"] = Field(
        "one_way", description="perpetuals: one net position, or long and short apart"
    )

    leverage: Leverage = Field(
        1.0, description="leverage at which perpetuals are held, multiples of the margin"
    )
    symbol_leverage: dict[str, Leverage] = Field(
        default_factory=dict, description="leverage of single perpetuals, by symbol"
    )
    margin_mode: Literal["cross", "isolated"] = Field(
        "cross", description="what stands behind a perpetual: the whole wallet, or a margin of its own"
    )

    @model_validator(mode="after")
    def _priced(self) -> Self:
        given = (self.fee_asset, self.fee_asset_price, self.fee_asset_quantity)
        if None in given and any(each is not None for each in given):
            raise ValueError(
                "fee_asset, fee_asset_price and fee_asset_quantity belong together: give all three or none"
            )
        return self


def fee_rates(venue: str, market: Market, settings: SimulationSettings) -> tuple[Decimal, Decimal]:
    """Maker and taker fee as exact ratios of the notional (0.001 is 10 bps).

    A fee in the settings wins over the venue's public tier. Raises ConfigError for a venue whose
    tiers are not known, or that has no such tier, when a fee is not given.
    """
    given = (settings.maker_fee_bps, settings.taker_fee_bps)
    tiers = FEE_TIERS.get((venue, market))
    public = (0.0, 0.0)
    if None in given:
        if tiers is None:
            raise ConfigError(
                f"The fees of {venue} {market} are not known: "
                "set simulation.maker_fee_bps and simulation.taker_fee_bps."
            )
        if settings.fee_tier not in tiers:
            raise ConfigError(
                f"simulation.fee_tier: {venue} {market} has no tier {settings.fee_tier!r}; "
                f"it has {', '.join(tiers)}."
            )
        public = tiers[settings.fee_tier]
    maker, taker = (tier if own is None else own for own, tier in zip(given, public, strict=True))
    return decimal_of(maker).scaleb(-4), decimal_of(taker).scaleb(-4)
