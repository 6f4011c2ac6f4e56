"""How a strategy names the features it needs: specs with stable names, and the table they end up in."""

from typing import Protocol

import msgspec

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import BoolArray, FloatArray


class FeatureSpec(msgspec.Struct, frozen=True):
    """One feature: which indicator, with which parameters, on which timeframe.

    ``name`` is stable and is how values are read: ``ema_12``, ``1h:adx_14``; a multi-output feature
    is read as ``macd_12_26_9.signal``. ``outputs`` is empty for a single value. ``warm_up`` is the
    number of candles after which the value no longer depends, in any bit, on what came before.
    """

    indicator: str
    params: tuple[float, ...]
    warm_up: int
    outputs: tuple[str, ...] = ()
    timeframe: Timeframe | None = None
    """None: the first timeframe of the strategy that asks."""

    @property
    def name(self) -> str:
        parts = [self.indicator, *(f"{value:g}" for value in self.params)]
        prefix = f"{self.timeframe}:" if self.timeframe else ""
        return prefix + "_".join(parts)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names under which the values are read, one per output."""
        return tuple(f"{self.name}.{output}" for output in self.outputs) if self.outputs else (self.name,)


class FeatureTable(Protocol):
    """Feature columns of one symbol over the rows of one timeframe, for vectorised triggers."""

    def __getitem__(self, name: str) -> FloatArray:
        """The column of a declared feature, or ``open high low close volume``; shape (n,)."""
        ...

    @property
    def regime(self) -> FloatArray:
        """Regime code per row (see ``core.enums.REGIMES``)."""
        ...

    def __len__(self) -> int: ...


class Triggers(msgspec.Struct, frozen=True, eq=False):
    """Rows on which a strategy could act: ``entry`` while flat, ``exit`` in a position; a superset."""

    entry: BoolArray
    exit: BoolArray
