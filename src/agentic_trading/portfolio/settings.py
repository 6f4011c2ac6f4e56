"""Settings of the account as a whole, and of how its positions are opened."""

from typing import Literal

from pydantic import Field

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import BasisPoints, OneOf
from agentic_trading.core.enums import ExecutionStyle
from agentic_trading.core.sizing import FixedFraction, SizingSettings


class PortfolioSettings(Section):
    """Section ``[portfolio]``: what is counted in, and how strategies without own sizing are sized."""

    quote: str = Field("USDT", pattern=r"^[A-Z0-9]{2,10}$", description="currency of equity, cash and limits")
    sizing: SizingSettings = Field(FixedFraction(), description="sizing of strategies that name none")


class ExecutionSettings(Section):
    """Section ``[execution]``: how entries reach the market; exits and stops always go at once."""

    style: OneOf[ExecutionStyle] = Field(
        ExecutionStyle.MARKET, description="style of strategies and signals that name none"
    )
    passive_offset_bps: BasisPoints = Field(
        2.0, description="passive: how far the post-only limit lies from the last close, basis points"
    )
    passive_timeout_candles: int = Field(
        3, ge=1, le=10_000, description="passive: candles after which what is left falls back"
    )
    fallback: Literal["market", "none"] = Field(
        "market", description="passive: what is left after the time goes at market, or not at all"
    )
    twap_slices: int = Field(4, ge=2, le=1_000, description="twap: number of equal parts")
    twap_candles: int = Field(4, ge=1, le=10_000, description="twap: candles over which they are spread")
