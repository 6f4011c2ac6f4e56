"""Settings of the regime classifier."""

from typing import Literal

from pydantic import Field

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import OneOf
from agentic_trading.core.enums import Timeframe


class RegimeSettings(Section):
    """Section ``[regime]``: when a market counts as trending, ranging or volatile."""

    enabled: bool = Field(True, description="whether regimes are computed and strategies gated by them")
    method: Literal["threshold"] = Field("threshold", description="which classifier")
    timeframe: OneOf[Timeframe] = Field(Timeframe.H1, description="candle interval it looks at")
    adx_window: int = Field(14, ge=2, le=1_000, description="window of the ADX, candles")
    trending_adx: float = Field(25.0, gt=0, lt=100, description="ADX above which the market trends")
    volatility_window: int = Field(24, ge=2, le=10_000, description="window of the short volatility, candles")
    volatile_ratio: float = Field(
        1.8, gt=1, le=100, description="short over long volatility above which the market is volatile"
    )
    hysteresis: float = Field(
        0.1, ge=0, lt=1, description="how far below a threshold it must fall to leave, ratio"
    )
    min_dwell_candles: int = Field(3, ge=1, le=10_000, description="candles a regime lasts at least")
