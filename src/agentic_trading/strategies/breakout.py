"""Breakout: go with a close beyond the recent range when volume and volatility expand with it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from agentic_trading.core.enums import Direction, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import (
    FeatureSpec,
    FeatureTable,
    Triggers,
    atr,
    donchian,
    realized_volatility,
    volume_ratio,
)
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy


class BreakoutParams(StrategyParams):
    """Windows are candles; ``*_atr`` are multiples of the average true range."""

    entry_window: int = Field(48, ge=2, description="range that must be broken to enter")
    exit_window: int = Field(24, ge=1, description="range that must be broken the other way to leave")
    volume_window: int = Field(20, ge=1)
    min_volume_ratio: float = Field(1.5, ge=0, description="least volume over its average for an entry")
    volatility_window: int = Field(12, ge=2, description="realised volatility of the moment")
    usual_window: int = Field(96, ge=3, description="longer window that says what is usual")
    min_expansion: float = Field(1.1, ge=0, description="least ratio of the two volatilities for an entry")
    atr_window: int = Field(14, ge=1)
    stop_atr: float = Field(2.5, gt=0, description="distance of the protective stop")

    @model_validator(mode="after")
    def _windows_are_ordered(self) -> "BreakoutParams":
        if self.exit_window > self.entry_window:
            raise ValueError(
                f"exit_window must not exceed entry_window ({self.exit_window} > {self.entry_window})"
            )
        if self.volatility_window >= self.usual_window:
            raise ValueError(
                "volatility_window must be below usual_window "
                f"({self.volatility_window} >= {self.usual_window})"
            )
        return self


@register_strategy("breakout")
class Breakout(BaseStrategy[BreakoutParams]):
    """Donchian breakout: a candle that crosses the prior channel, on volume, in expanding volatility.

    The channel is the prior one, without the candle itself. Leaves on a close beyond the shorter
    channel on the other side.
    """

    timeframes: ClassVar[tuple[Timeframe, ...]] = (Timeframe.M15,)

    def __init__(self, params: BreakoutParams | Mapping[str, Any] | None = None) -> None:
        super().__init__(params)
        p = self.params
        outer, inner = donchian(p.entry_window), donchian(p.exit_window)
        now, usual = realized_volatility(p.volatility_window), realized_volatility(p.usual_window)
        volume, range_ = volume_ratio(p.volume_window), atr(p.atr_window)
        self._specs = (outer, inner, now, usual, volume, range_)
        self._top, self._bottom = f"{outer.name}.prior_upper", f"{outer.name}.prior_lower"
        self._leave_short, self._leave_long = f"{inner.name}.prior_upper", f"{inner.name}.prior_lower"
        self._now, self._usual, self._volume, self._atr = now.name, usual.name, volume.name, range_.name

    def features(self) -> list[FeatureSpec]:
        return list(self._specs)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        close, held = candle.close, ctx.position.direction
        if held is not Direction.FLAT:
            inner = features[self._leave_long if held is Direction.LONG else self._leave_short]
            broken = close < inner if held is Direction.LONG else close > inner
            return Signal.flat(candle, reasons=self._reasons(features)) if broken else None
        wanted = self._entry(candle, features)
        distance = self.params.stop_atr * features[self._atr]
        if wanted is Direction.LONG:
            return Signal.long(candle, stop=close - distance, reasons=self._reasons(features))
        if wanted is Direction.SHORT and ctx.instrument.can_short:
            return Signal.short(candle, stop=close + distance, reasons=self._reasons(features))
        return None

    def _entry(self, candle: Candle, features: FeatureVector) -> Direction:
        p = self.params
        expanding = features[self._now] >= p.min_expansion * features[self._usual]
        protected = p.stop_atr * features[self._atr] < candle.close
        if not (expanding and protected and features[self._volume] >= p.min_volume_ratio):
            return Direction.FLAT
        if candle.open <= features[self._top] < candle.close:
            return Direction.LONG
        if candle.open >= features[self._bottom] > candle.close:
            return Direction.SHORT
        return Direction.FLAT

    def _reasons(self, features: FeatureVector) -> dict[str, float]:
        return {
            "prior_upper": features[self._top],
            "prior_lower": features[self._bottom],
            "volume_ratio": features[self._volume],
            "volatility": features[self._now],
            "usual_volatility": features[self._usual],
            "atr": features[self._atr],
        }

    def triggers(self, table: FeatureTable) -> Triggers:
        p = self.params
        open_, close, top, bottom = table["open"], table["close"], table[self._top], table[self._bottom]
        expanding = table[self._now] >= p.min_expansion * table[self._usual]
        protected = p.stop_atr * table[self._atr] < close
        confirmed = expanding & protected & (table[self._volume] >= p.min_volume_ratio)
        crossed = (open_ <= top) & (top < close)
        if table.can_short:
            crossed |= (open_ >= bottom) & (bottom > close)
        return Triggers(
            entry=confirmed & crossed,
            exit=close < table[self._leave_long],
            exit_short=close > table[self._leave_short],
        )
