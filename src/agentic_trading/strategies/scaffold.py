"""The file that `strategies new NAME` writes: a complete strategy to change, not a blank page."""

import re

from agentic_trading.core.errors import UsageError

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def class_name(name: str) -> str:
    """``ema_cross`` becomes ``EmaCross``; a name the file already uses gets ``Strategy`` behind it."""
    camel = "".join(part.capitalize() for part in name.split("_"))
    return f"{camel}Strategy" if re.search(rf"\b{camel}\b", _TEMPLATE) else camel


def render(name: str) -> str:
    """The text of a working strategy called ``name``.

    Raises UsageError if the name is not lower-case letters, digits and underscores, a letter first.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot name a new strategy: "
            "use lower-case letters, digits and underscores, a letter first"
        )
    return _TEMPLATE.replace("{name}", name).replace("{class_name}", class_name(name))


_TEMPLATE = '''\
"""{class_name}: hold a long position while a fast average is above a slow one.

Try it:     agentic-trading backtest -s {name}
Set it up:  in configs/strategies.toml

    [[strategies]]
    strategy_id = "{name}"
    enabled = true
    timeframes = ["15m"]
    max_position_pct = 0.05

    [strategies.params]
    fast = 12
"""

from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.features import FeatureSpec, FeatureTable, Triggers
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.features import atr, ema
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy


class Params(StrategyParams):
    """What can be set in [strategies.params]; a wrong key or type there refuses to start."""

    fast: int = 12
    slow: int = 26
    stop_atr: float = 3.0


@register_strategy("{name}")
class {class_name}(BaseStrategy[Params]):
    """A strategy is immutable: it decides from its arguments and keeps nothing on itself."""

    def features(self) -> list[FeatureSpec]:
        # Declared once; the platform computes them and waits until all are warm.
        return [ema(self.params.fast), ema(self.params.slow), atr(14)]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        # Called once per closed candle. The answer is the position you want, not an order.
        fast, slow = features[f"ema_{self.params.fast}"], features[f"ema_{self.params.slow}"]
        reasons = {"fast": fast, "slow": slow}  # shown wherever the trade is explained
        flat = ctx.position.direction is Direction.FLAT
        if flat and fast > slow:
            stop = candle.close - self.params.stop_atr * features["atr_14"]
            return Signal.long(candle, stop=stop, reasons=reasons)
        if not flat and fast < slow:
            return Signal.flat(candle, reasons=reasons)
        return None  # leave everything as it is

    def triggers(self, table: FeatureTable) -> Triggers:
        # Optional: on which rows on_candle could answer, flat or in a position. Backtests skip the others.
        fast, slow = table[f"ema_{self.params.fast}"], table[f"ema_{self.params.slow}"]
        return Triggers(entry=fast > slow, exit=fast < slow)
'''
