"""What a strategy is checked on, and what comes of it: grounds, masks, findings."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import numpy as np

from agentic_trading.core.enums import REGIMES, Posture
from agentic_trading.core.errors import TradingError
from agentic_trading.core.events import FeatureVector
from agentic_trading.core.features import FeatureTable, Triggers
from agentic_trading.core.models import (
    BoolArray,
    CandleColumns,
    FloatArray,
    Instrument,
    IntArray,
    candle_at,
)
from agentic_trading.strategies.base import BaseStrategy

Make = Callable[[], BaseStrategy[Any]]
"""Makes the strategy anew."""

SAMPLES = 100
"""Rows looked at where not every row is."""

RAISED = (
    ArithmeticError, AssertionError, AttributeError, LookupError, OSError, RuntimeError, StopIteration,
    TradingError, TypeError, ValueError,
)  # fmt: skip
"""What a strategy that meets a state it did not think of usually raises."""


class ProbeTable(FeatureTable, Protocol):
    """A feature table with its candles; names as in ``features.table.Table``."""

    @property
    def candles(self) -> CandleColumns: ...

    @property
    def columns(self) -> Mapping[str, int]: ...

    @property
    def arrays(self) -> Sequence[FloatArray]: ...

    @property
    def stale(self) -> BoolArray: ...

    @property
    def warm(self) -> BoolArray: ...

    @property
    def posterior(self) -> FloatArray: ...


class Finding(msgspec.Struct, frozen=True):
    """Something wrong: which check, where (symbol, close of the row, column or state), and what.

    ``at_ns`` is 0 where no single row is meant.
    """

    check: str
    symbol: str
    at_ns: int
    where: str
    what: str


class Covered(msgspec.Struct, frozen=True):
    """How often a strategy was asked in a state: rows, those on which it acted, those the masks missed."""

    symbol: str
    stance: str
    rows: int
    acted: int
    missed: int


class Ground(msgspec.Struct, frozen=True, eq=False):
    """Where a strategy is checked: an instrument, the table of its features, and what it is made of.

    ``rebuild`` makes the table that a run over other base candles would give the strategy.
    """

    instrument: Instrument
    table: ProbeTable
    base: CandleColumns
    rebuild: Callable[[CandleColumns], ProbeTable]

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    @property
    def warm_rows(self) -> list[int]:
        rows: list[int] = np.flatnonzero(self.table.warm).tolist()
        return rows

    def close_ns(self, row: int) -> int:
        candles = self.table.candles
        return int(candles.open_ns[row]) + candles.timeframe.ns

    def vector(self, row: int) -> FeatureVector:
        """What the platform would hand to ``on_candle`` at a row."""
        table = self.table
        candle = candle_at(table.candles, row)
        values = [float(column[row]) for column in table.arrays]
        trending, ranging, volatile = table.posterior[:, row].tolist()
        return FeatureVector(
            candle.symbol, candle.timeframe, candle.close_ns, candle, table.columns, values,
            REGIMES[int(table.regime[row])], (trending, ranging, volatile), bool(table.stale[row]),
        )  # fmt: skip


class Masks(msgspec.Struct, frozen=True, eq=False):
    """The masks of a strategy by the name of their column, all of shape (n,); empty if it gives none."""

    columns: Mapping[str, BoolArray]
    size: int

    def of(self, posture: Posture) -> BoolArray:
        """The rows that are looked at in a posture."""
        if not self.columns:
            return np.ones(self.size, dtype=np.bool_)
        entry, long, *short = self.columns.values()
        sides = {Posture.FLAT: entry, Posture.LONG: long, Posture.SHORT: short[0] if short else long}
        if posture in sides:
            return sides[posture]
        every: BoolArray = sides[Posture.FLAT] | sides[Posture.LONG] | sides[Posture.SHORT]
        return every


def masks_of(strategy: BaseStrategy[Any], ground: Ground) -> Masks | Finding:
    """What ``triggers`` gives on a ground, or what is wrong with it."""
    size = len(ground.table)
    try:
        given: Any = strategy.triggers(ground.table)
    except RAISED as error:
        raised = f"raised {type(error).__name__}: {error}"
        return Finding("triggers", ground.symbol, 0, "triggers", raised)
    if given is None:
        return Masks({}, size)
    if not isinstance(given, Triggers):
        what = f"answered {type(given).__name__} instead of Triggers"
        return Finding("triggers", ground.symbol, 0, "triggers", what)
    columns = {f"triggers.{name}": mask for name, mask in msgspec.structs.asdict(given).items()}
    if given.exit_short is None:
        del columns["triggers.exit_short"]
    for name, mask in columns.items():
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (size,):
            what = f"must be a boolean array with one value per row ({size})"
            return Finding("triggers", ground.symbol, 0, f"column {name}", what)
    return Masks(columns, size)


def differing(one: Masks, two: Masks, rows: int) -> tuple[str, int] | None:
    """Column and row of the first difference within the first ``rows`` rows."""
    if list(one.columns) != list(two.columns):
        return "triggers", 0
    for name, mask in one.columns.items():
        differ: IntArray = np.flatnonzero(mask[:rows] != two.columns[name][:rows])
        if len(differ):
            return name, int(differ[0])
    return None


def spread(rows: list[int], most: int = SAMPLES) -> list[int]:
    """Some rows of many, evenly spread; about ``most``."""
    return rows[:: max(1, len(rows) // most)]
