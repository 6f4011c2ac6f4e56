"""Mean reversion: fade a move that overshot its Bollinger band and is already coming back."""

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field, model_validator

from agentic_trading.core.enums import Direction, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers, atr, bollinger, rsi
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy


class MeanReversionParams(StrategyParams):
    """Windows are candles; ``*_atr`` are multiples of the average true range."""

    band_window: int = Field(20, ge=2, description="window of the Bollinger bands")
    band_width: float = Field(2.0, gt=0, description="standard deviations between middle and band")
    rsi_window: int = Field(14, ge=2)
    oversold: float = Field(35.0, ge=0, le=100, description="RSI below which a long may open")
    overbought: float = Field(65.0, ge=0, le=100, description="RSI above which a short may open")
    min_room_bps: float = Field(60.0, ge=0, description="least way back to the middle, to be worth its costs")
    atr_window: int = Field(14, ge=1)
    stop_atr: float = Field(2.5, gt=0, description="distance of the protective stop")

    @model_validator(mode="after")
    def _levels_are_apart(self) -> "MeanReversionParams":
        if self.oversold >= self.overbought:
            levels = f"{self.oversold:g} is not below {self.overbought:g}"
            raise ValueError(f"oversold must be below overbought ({levels})")
        return self


@register_strategy("mean_reversion")
class MeanReversion(BaseStrategy[MeanReversionParams]):
    """Bollinger bands and RSI: a candle that pierced a band and closed back inside, with a stretched RSI.

    Enters only if the way back to the middle band is worth the costs; leaves at the middle band.
    """

    timeframes: ClassVar[tuple[Timeframe, ...]] = (Timeframe.M15,)

    def __init__(self, params: MeanReversionParams | Mapping[str, Any] | None = None) -> None:
        super().__init__(params)
        p = self.params
        self._specs = (bollinger(p.band_window, p.band_width), rsi(p.rsi_window), atr(p.atr_window))
        bands, self._rsi, self._atr = (spec.name for spec in self._specs)
        self._upper, self._middle, self._lower = f"{bands}.upper", f"{bands}.middle", f"{bands}.lower"

    def features(self) -> list[FeatureSpec]:
        return list(self._specs)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        close, middle, held = candle.close, features[self._middle], ctx.position.direction
        if held is not Direction.FLAT:
            back = close >= middle if held is Direction.LONG else close <= middle
            return Signal.flat(candle, reasons=self._reasons(features)) if back else None
        wanted = self._entry(candle, features)
        distance = self.params.stop_atr * features[self._atr]
        if wanted is Direction.LONG:
            return Signal.long(candle, stop=close - distance, reasons=self._reasons(features))
        if wanted is Direction.SHORT and ctx.instrument.can_short:
            return Signal.short(candle, stop=close + distance, reasons=self._reasons(features))
        return None

    def _entry(self, candle: Candle, features: FeatureVector) -> Direction:
        p = self.params
        close, middle, stretch = candle.close, features[self._middle], features[self._rsi]
        room = p.min_room_bps / 10_000 * close
        lower, upper = features[self._lower], features[self._upper]
        if not p.stop_atr * features[self._atr] < close:
            return Direction.FLAT
        if stretch < p.oversold and candle.low < lower < close and middle - close >= room:
            return Direction.LONG
        if stretch > p.overbought and close < upper < candle.high and close - middle >= room:
            return Direction.SHORT
        return Direction.FLAT

    def _reasons(self, features: FeatureVector) -> dict[str, float]:
        return {
            "lower": features[self._lower],
            "middle": features[self._middle],
            "upper": features[self._upper],
            "rsi": features[self._rsi],
            "atr": features[self._atr],
        }

    def triggers(self, table: FeatureTable) -> Triggers:
        p = self.params
        low, high, close, middle = table["low"], table["high"], table["close"], table[self._middle]
        lower, upper, stretch = table[self._lower], table[self._upper], table[self._rsi]
        room, protected = p.min_room_bps / 10_000 * close, p.stop_atr * table[self._atr] < close
        long = (stretch < p.oversold) & (low < lower) & (lower < close) & (middle - close >= room)
        short = (stretch > p.overbought) & (close < upper) & (upper < high) & (close - middle >= room)
        entry = long | short if table.can_short else long
        return Triggers(entry=entry & protected, exit=close >= middle, exit_short=close <= middle)
