"""Trend following: join a young trend when strength and volume confirm it, leave when it turns."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from agentic_trading.core.enums import Direction, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers, adx, atr, ema, volume_ratio
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy


class TrendFollowingParams(StrategyParams):
    """Windows are candles; ``*_atr`` are multiples of the average true range."""

    fast: int = Field(24, ge=2, description="window of the fast EMA")
    slow: int = Field(72, ge=3, description="window of the slow EMA")
    adx_window: int = Field(14, ge=2)
    min_adx: float = Field(22.0, ge=0, le=100, description="least trend strength for an entry")
    volume_window: int = Field(20, ge=1)
    min_volume_ratio: float = Field(1.2, ge=0, description="least volume over its average for an entry")
    atr_window: int = Field(14, ge=1)
    max_gap_atr: float = Field(0.5, gt=0, description="a cross counts as fresh while the EMAs are this near")
    stop_atr: float = Field(3.0, gt=0, description="distance of the protective stop")

    @model_validator(mode="after")
    def _fast_is_faster(self) -> "TrendFollowingParams":
        if self.fast >= self.slow:
            raise ValueError(f"fast must be smaller than slow ({self.fast} is not below {self.slow})")
        return self


@register_strategy("trend_following")
class TrendFollowing(BaseStrategy[TrendFollowingParams]):
    """EMA cross, confirmed by ADX with its direction and by volume, protected by an ATR stop.

    Enters while the cross is fresh (the averages are still near each other) and the close is beyond
    the fast average; leaves when the averages have crossed back.
    """

    timeframes: ClassVar[tuple[Timeframe, ...]] = (Timeframe.M5,)

    def __init__(self, params: TrendFollowingParams | Mapping[str, Any] | None = None) -> None:
        super().__init__(params)
        p = self.params
        self._specs = (
            ema(p.fast),
            ema(p.slow),
            adx(p.adx_window),
            volume_ratio(p.volume_window),
            atr(p.atr_window),
        )
        self._fast, self._slow, self._adx, self._volume, self._atr = (spec.name for spec in self._specs)

    def features(self) -> list[FeatureSpec]:
        return list(self._specs)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        held = ctx.position.direction
        if held is not Direction.FLAT:
            fast, slow = features[self._fast], features[self._slow]
            turned = fast < slow if held is Direction.LONG else fast > slow
            return Signal.flat(candle, reasons=self._reasons(features)) if turned else None
        wanted = self._entry(candle, features)
        distance = self.params.stop_atr * features[self._atr]
        if wanted is Direction.LONG:
            return Signal.long(candle, stop=candle.close - distance, reasons=self._reasons(features))
        if wanted is Direction.SHORT and ctx.instrument.can_short:
            return Signal.short(candle, stop=candle.close + distance, reasons=self._reasons(features))
        return None

    def _entry(self, candle: Candle, features: FeatureVector) -> Direction:
        p = self.params
        fast, slow = features[self._fast], features[self._slow]
        near = p.max_gap_atr * features[self._atr]
        protected = p.stop_atr * features[self._atr] < candle.close
        strong = features[self._adx] >= p.min_adx and features[self._volume] >= p.min_volume_ratio
        if not (protected and strong):
            return Direction.FLAT
        plus, minus = features[f"{self._adx}.plus_di"], features[f"{self._adx}.minus_di"]
        if fast > slow and fast - slow <= near and candle.close > fast and plus > minus:
            return Direction.LONG
        if fast < slow and slow - fast <= near and candle.close < fast and minus > plus:
            return Direction.SHORT
        return Direction.FLAT

    def _reasons(self, features: FeatureVector) -> dict[str, float]:
        return {
            "fast": features[self._fast],
            "slow": features[self._slow],
            "adx": features[self._adx],
            "volume_ratio": features[self._volume],
            "atr": features[self._atr],
        }

    def triggers(self, table: FeatureTable) -> Triggers:
        p = self.params
        fast, slow, close = table[self._fast], table[self._slow], table["close"]
        plus, minus = table[f"{self._adx}.plus_di"], table[f"{self._adx}.minus_di"]
        near = p.max_gap_atr * table[self._atr]
        protected = p.stop_atr * table[self._atr] < close
        confirmed = protected & (table[self._adx] >= p.min_adx) & (table[self._volume] >= p.min_volume_ratio)
        long = (fast > slow) & (fast - slow <= near) & (close > fast) & (plus > minus)
        short = (fast < slow) & (slow - fast <= near) & (close < fast) & (minus > plus)
        entry = long | short if table.can_short else long
        return Triggers(entry=confirmed & entry, exit=fast < slow, exit_short=fast > slow)
