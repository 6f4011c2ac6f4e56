"""The strategy that every compared engine runs: long while a fast average is above a slow one."""

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.features import FeatureSpec, FeatureTable, Triggers, ema
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy


class CrossParams(StrategyParams):
    """Windows of the two averages, in candles."""

    fast: int = 12
    slow: int = 26


@register_strategy("ema_cross")
class EmaCross(BaseStrategy[CrossParams]):
    """Long while the fast average is above the slow one."""

    timeframes = (Timeframe.M1,)

    def features(self) -> list[FeatureSpec]:
        """The two averages."""
        return [ema(self.params.fast), ema(self.params.slow)]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        """Wish for a long position above, for none otherwise."""
        fast, slow = features[f"ema_{self.params.fast}"], features[f"ema_{self.params.slow}"]
        reasons = {"fast": fast, "slow": slow}
        return Signal.long(candle, reasons=reasons) if fast > slow else Signal.flat(candle, reasons=reasons)

    def triggers(self, table: FeatureTable) -> Triggers:
        """Enter above, leave below."""
        above = table[f"ema_{self.params.fast}"] > table[f"ema_{self.params.slow}"]
        return Triggers(entry=above, exit=~above)


@register_strategy("ema_cross_stops")
class EmaCrossStops(EmaCross):
    """The same with a stop 5 % below each entry, to see what a bracket costs; no other engine runs it."""

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        """Wish for the same; a position keeps the stop it has."""
        fast, slow = features[f"ema_{self.params.fast}"], features[f"ema_{self.params.slow}"]
        reasons = {"fast": fast, "slow": slow}
        if fast <= slow:
            return Signal.flat(candle, reasons=reasons)
        stop = None if ctx.position.quantity else candle.close * 0.95
        return Signal.long(candle, stop=stop, reasons=reasons)
