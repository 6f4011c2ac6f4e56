"""Every way to stand on a symbol, held through all rows: flat, long or short at several ages, on the way."""

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector
from agentic_trading.core.models import CLOSE, HIGH, LOW, Entry, FloatArray, Instrument
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.checking.ground import Ground
from agentic_trading.strategies.checking.probing import Answer, Asker, Standing

STOP_DISTANCE_RATIO = 0.02
"""How far from its entry the stop of a probed position stands."""

AGES = (1, 12, 96, 0)
"""Candles since the entry; 0: since the first warm row, so that every age occurs."""

ONE_AGE = (12,)
"""Enough where it is not the masks that are looked at."""


class Stance(msgspec.Struct, frozen=True):
    """Where a probed strategy stands: what it holds, where it is heading, candles since its entry."""

    name: str
    held: Direction
    heading: Direction
    age: int = 0


def stances_of(instrument: Instrument, ages: Sequence[int] = AGES) -> list[Stance]:
    """Every way to stand on an instrument: flat, held at several ages, an entry, exit or turn working."""
    sides = [Direction.LONG, Direction.SHORT] if instrument.can_short else [Direction.LONG]
    stances = [Stance("flat", Direction.FLAT, Direction.FLAT)]
    for side in sides:
        word = side.name.lower()
        stances.append(Stance(f"flat, order to go {word} working", Direction.FLAT, side))
        for age in ages:
            since = f"for {age} candles" if age else "since the first warm candle"
            stances.append(Stance(f"{word} {since}", side, side, age))
        stances.append(Stance(f"{word}, order to leave working", side, Direction.FLAT, max(ages)))
    return stances


class Probe:
    """One strategy in one stance on one symbol; its memory is carried from row to row."""

    def __init__(self, strategy: BaseStrategy[Any], ground: Ground, stance: Stance) -> None:
        self.stance = stance
        self._asker = Asker(strategy, ground)
        self._candles = ground.table.candles
        self._first = next(iter(ground.warm_rows), len(ground.table))
        self._highs = _extremes(self._candles.bars[HIGH], stance.age, self._first, np.maximum)
        self._lows = _extremes(self._candles.bars[LOW], stance.age, self._first, np.minimum)
        self._memory = self._asker.new_memory()

    def covers(self, row: int) -> bool:
        """Whether the entry that the stance speaks of lies within the data."""
        return self.stance.held is Direction.FLAT or self._entry_row(row) >= 0

    def standing(self, row: int) -> Standing:
        """The stance at a row, with the entry it implies."""
        stance = self.stance
        return Standing(stance.name, stance.held, stance.heading, self._entry(row))

    def ask(self, vector: FeatureVector, row: int, standing: Standing) -> Answer:
        """Call the strategy at a row with the memory carried so far."""
        return self._asker.ask(vector, row, standing, self._memory)

    def ask_afresh(self, vector: FeatureVector, row: int) -> Answer:
        """Call it with new memory, leaving the carried one as it is."""
        return self._asker.ask(vector, row, self.standing(row), self._asker.new_memory())

    def _entry_row(self, row: int) -> int:
        return row - self.stance.age if self.stance.age else min(self._first, row)

    def _entry(self, row: int) -> Entry | None:
        held = self.stance.held
        if held is Direction.FLAT:
            return None
        opened = self._entry_row(row)
        price = float(self._candles.bars[CLOSE, opened])
        high, low = max(price, self._highs[row]), min(price, self._lows[row])
        stop = price * (1.0 - held.sign * STOP_DISTANCE_RATIO)
        at_ns = int(self._candles.open_ns[opened]) + self._candles.timeframe.ns
        return Entry(at_ns, price, high, low, stop)


def _extremes(prices: FloatArray, age: int, first: int, most: np.ufunc) -> list[float]:
    """The extreme of the candles after the entry, by row; the row's own price where there are none."""
    out = prices.copy()
    if age:
        for back in range(1, min(age, len(prices))):
            most(out[back:], prices[:-back], out=out[back:])
    else:
        out[first + 1 :] = most.accumulate(prices[first + 1 :])
    extremes: list[float] = out.tolist()
    return extremes
