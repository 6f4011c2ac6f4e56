"""Whole runs in which everything is said beforehand: candles by hand, and when to want what."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.data.history import HistoryStore
from agentic_trading.settings import AppSettings
from agentic_trading.strategies.base import BaseStrategy

START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC."""
H1 = Timeframe.H1
BARE: dict[str, Any] = {
    "backtest.exchange": "binance",
    "backtest.timeframe": "1h",
    "backtest.capital": 10_000,
    "regime.enabled": False,
    "risk.max_leverage": 20.0,
    "risk.max_gross_exposure": 10.0,
    "risk.max_position_pct": 0.99,
    "risk.max_order_pct": 0.99,
    "risk.max_drawdown_pct": 0.99,
    "risk.max_daily_loss_pct": 0.99,
}
"""Hourly candles, no regime, and limits so wide that only the venue says no."""


def planned(
    wishes: Mapping[int, Callable[[Candle], Signal | None]],
    called: str = "planned",
    frame: Timeframe = H1,
    since_ns: int = START_NS,
) -> BaseStrategy[Any]:
    """A strategy that says ``wishes[n]`` as candle ``n`` since the start closes, on every symbol."""
    wanted = dict(wishes)

    class Planned(BaseStrategy):
        """Wants what was said beforehand."""

        name = called
        timeframes = (frame,)

        def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
            wish = wanted.get((candle.open_ns - since_ns) // frame.ns)
            return None if wish is None else wish(candle)

    return Planned()


def all_in(settings: AppSettings) -> AppSettings:
    """The settings with room for nearly all of the equity in one position of a strategy."""
    blocks = [each.model_copy(update={"max_position_pct": 0.99}) for each in settings.strategies]
    return settings.model_copy(update={"strategies": tuple(blocks)})


def write_candles(
    root: Path, symbol: str, bars: Sequence[str], frame: Timeframe = H1, first: int = 0, **more: Any
) -> None:
    """Store candles from ``open high low close volume`` as the exchange ``binance``; a dash is a hole."""
    rows = [
        [(START_NS + (first + number) * frame.ns) // 1_000_000, *map(float, bar.split())]
        for number, bar in enumerate(bars)
        if bar != "-"
    ]
    names = ("timestamp", "open", "high", "low", "close", "volume")
    candles = pl.DataFrame(dict(zip(names, zip(*rows, strict=True), strict=True)))
    HistoryStore(root).write_candles("binance", symbol, frame, candles, "by hand", **more)
