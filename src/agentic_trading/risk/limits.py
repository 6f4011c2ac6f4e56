"""The limits a trade must keep, and the tighter ones of safe mode."""

from collections.abc import Sequence

from pydantic import Field

from agentic_trading.core.config import Section
from agentic_trading.core.config.section import BasisPoints, Percent, Share
from agentic_trading.core.errors import ConfigError


class RiskSettings(Section):
    """Section ``[risk]``: what one account may hold, order and lose."""

    max_position_pct: Percent = Field(
        0.25, description="largest position in one symbol over all strategies, fraction of equity"
    )
    max_gross_exposure: float = Field(
        1.0, gt=0, le=10, description="longs plus shorts, in multiples of equity"
    )
    max_leverage: float = Field(1.0, gt=0, le=125, description="largest leverage, in multiples of equity")
    max_order_pct: Percent = Field(0.25, description="largest notional of one order, fraction of equity")
    price_collar_bps: BasisPoints = Field(
        100.0, description="worst price every check allows for, basis points from the mark"
    )
    max_data_age_candles: int = Field(
        2, ge=1, le=1_000, description="age of the last candle after which nothing is ordered, candles"
    )
    max_drawdown_pct: Percent = Field(
        0.25, description="loss from the highest equity after which only reducing is allowed"
    )
    max_daily_loss_pct: Percent = Field(
        0.05,
        description="loss since the UTC day began after which only reducing is allowed, fraction of equity",
    )


class SafeModeSettings(Section):
    """Section ``[safe_mode]``: caps on top of ``[risk]`` for the first days with real money."""

    enabled: bool = Field(False, description="whether the caps hold")
    max_symbols: int = Field(3, ge=1, le=1_000, description="more symbols than this refuse to start")
    max_leverage: float = Field(
        2.0, gt=0, le=10, description="caps risk.max_leverage and exposure, multiples of equity"
    )
    position_size_multiplier: Share = Field(
        0.25, description="factor on every size, applied before lot rounding"
    )

    @property
    def size_factor(self) -> float:
        """What sizing multiplies by: 1 while safe mode is off."""
        return self.position_size_multiplier if self.enabled else 1.0


def constrain(limits: RiskSettings, safe_mode: SafeModeSettings) -> RiskSettings:
    """The limits that hold: those given, capped by safe mode while it is enabled; never looser."""
    if not safe_mode.enabled:
        return limits
    cap = safe_mode.max_leverage
    return limits.model_copy(
        update={
            "max_leverage": min(limits.max_leverage, cap),
            "max_gross_exposure": min(limits.max_gross_exposure, cap),
        }
    )


def refuse_excess_symbols(symbols: Sequence[str], safe_mode: SafeModeSettings) -> None:
    """Raise ConfigError naming the symbols if safe mode is enabled and they are too many."""
    if safe_mode.enabled and len(symbols) > safe_mode.max_symbols:
        raise ConfigError(
            f"safe_mode.max_symbols allows {safe_mode.max_symbols} symbols but "
            f"{len(symbols)} are configured: {', '.join(symbols)}; take some out or raise it."
        )
