"""Experiment: trade the release of a squeeze, when the Bollinger bands leave the Keltner channel."""

import msgspec

from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, atr, bollinger, keltner
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy


class SqueezeParams(StrategyParams):
    """Windows are candles; ``stop_atr`` is a multiple of the average true range."""

    window: int = 20
    atr_window: int = 14
    keltner_width: float = 1.5
    min_quiet: int = 6
    stop_atr: float = 2.5


class SqueezeMemory(msgspec.Struct):
    """How many candles in a row the bands have been inside the channel."""

    quiet: int = 0


@register_strategy("squeeze")
class Squeeze(BaseStrategy[SqueezeParams]):
    """After enough quiet candles, follow the side on which the bands come out; leave at the middle.

    It remembers the length of the quiet in ``ctx.memory``, hence no triggers: every row counts.
    """

    Memory = SqueezeMemory

    def features(self) -> list[FeatureSpec]:
        """Bollinger bands, the Keltner channel around the same middle, ATR."""
        p = self.params
        return [bollinger(p.window, 2.0), keltner(p.window, p.keltner_width), atr(p.atr_window)]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        """Count the quiet, enter at its end."""
        bands, channel, range_ = (spec.name for spec in self.features())
        middle = features[f"{bands}.middle"]
        inside = (
            features[f"{bands}.upper"] < features[f"{channel}.upper"]
            and features[f"{bands}.lower"] > features[f"{channel}.lower"]
        )
        quiet = ctx.memory.quiet
        ctx.memory.quiet = quiet + 1 if inside else 0
        held, close = ctx.position.direction, candle.close
        reasons = {"quiet": float(quiet), "middle": middle, "atr": features[range_]}
        if held is not Direction.FLAT:
            left = close < middle if held is Direction.LONG else close > middle
            return Signal.flat(candle, reasons=reasons) if left else None
        if inside or quiet < self.params.min_quiet:
            return None
        distance = self.params.stop_atr * features[range_]
        if close > middle:
            return Signal.long(candle, stop=close - distance, reasons=reasons)
        return (
            Signal.short(candle, stop=close + distance, reasons=reasons) if ctx.instrument.can_short else None
        )
