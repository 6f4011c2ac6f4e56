"""A small platform for strategies under test: a context that says what a test wants, and feature tables."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import numpy as np

from agentic_trading.core.enums import Direction, Market, Regime, Timeframe
from agentic_trading.core.events import FeatureVector
from agentic_trading.core.models import Candle, Entry, FloatArray, Instrument, Position

START_NS = 1_704_067_200_000_000_000
BARS = ("open", "high", "low", "close", "volume")


ACCOUNT = SimpleNamespace(equity=100_000.0, cash=100_000.0, gross_exposure=0.0, drawdown_ratio=0.0)
NO_REGIME = SimpleNamespace(state=Regime.UNKNOWN, posterior=(0.0, 0.0, 0.0))


@dataclass
class Context:
    """Everything `TradingContext` promises, as plain fields."""

    now_ns: int
    instrument: Instrument
    position: Position
    entry: Entry | None
    memory: Any = None
    working: Sequence[Any] = ()
    book: Any = field(default_factory=lambda: ACCOUNT)
    regime: Any = field(default_factory=lambda: NO_REGIME)

    def history(self, count: int) -> Sequence[Candle]:
        return ()


def make_context(direction: Direction = Direction.FLAT, *, market: Market = Market.LINEAR) -> Context:
    """A context with a position of one coin bought or sold at 100, or none."""
    symbol = "BTC/USDT:USDT" if market is Market.LINEAR else "BTC/USDT"
    step = Decimal("0.001")
    instrument = Instrument("binance", symbol, market, "BTC", "USDT", Decimal("0.1"), step, step, Decimal(5))
    entry = None if direction is Direction.FLAT else Entry(START_NS, 100.0, 101.0, 99.0, None)
    return Context(START_NS, instrument, Position(Decimal(direction.sign), Decimal(100)), entry)


class ColumnTable:
    """A `FeatureTable` over given columns."""

    def __init__(self, columns: dict[str, FloatArray], *, can_short: bool = True) -> None:
        self.columns = columns
        self.can_short = can_short
        self.regime = np.zeros(len(self))

    def __getitem__(self, name: str) -> FloatArray:
        return self.columns[name]

    def __len__(self) -> int:
        return len(self.columns["close"])

    def row(self, index: int) -> tuple[Candle, FeatureVector]:
        """What the platform would hand to ``on_candle`` at this row."""
        opened = START_NS + index * Timeframe.M15.ns
        closed = opened + Timeframe.M15.ns
        bars = (float(self.columns[name][index]) for name in BARS)
        candle = Candle("BTC/USDT:USDT", Timeframe.M15, opened, closed, *bars)
        names = [name for name in self.columns if name not in BARS]
        values = [float(self.columns[name][index]) for name in names]
        places = {name: place for place, name in enumerate(names)}
        return candle, FeatureVector(candle.symbol, candle.timeframe, closed, candle, places, values)
