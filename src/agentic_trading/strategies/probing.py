"""Asks a strategy outside a run: any row of a table, in any position, with any order under way."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec
import numpy as np

from agentic_trading.core.enums import REGIMES, Direction, Posture, Side
from agentic_trading.core.events import FeatureVector, OrderTerms, Signal
from agentic_trading.core.features import FeatureTable
from agentic_trading.core.interfaces import AccountView, OpenOrder
from agentic_trading.core.models import (
    CLOSE,
    HIGH,
    LOW,
    BoolArray,
    Candle,
    CandleColumns,
    Entry,
    FloatArray,
    Instrument,
    Position,
    candle_at,
)
from agentic_trading.core.money import decimal_of, price_to_tick
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.context import RegimeReading

STOP_DISTANCE_RATIO = 0.02
"""How far from its entry the stop of a probed position stands."""

RAISED = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a strategy that meets a state it did not think of usually raises."""


class ProbeTable(FeatureTable, Protocol):
    """A feature table with its candles; names as in ``features.table.Table``."""

    @property
    def candles(self) -> CandleColumns: ...

    @property
    def columns(self) -> Mapping[str, int]: ...

    @property
    def values(self) -> FloatArray: ...

    @property
    def warm(self) -> BoolArray: ...

    @property
    def posterior(self) -> FloatArray: ...


class Stance(msgspec.Struct, frozen=True):
    """Where a probed strategy stands: what it holds, where it is heading, candles since its entry.

    ``age`` 0 means that the position was opened at the first warm row, so that every age occurs.
    """

    name: str
    held: Direction
    heading: Direction
    age: int = 0

    @property
    def posture(self) -> Posture:
        if self.held is not self.heading:
            return Posture.BETWEEN
        return Posture.FLAT if self.held is Direction.FLAT else Posture.HOLDING


class Answer(msgspec.Struct, frozen=True):
    """What came back: the whole answer as text, whether the platform would act on it, new memory or not."""

    text: str
    matters: bool
    remembers: bool
    raised: bool = False

    @property
    def acts(self) -> bool:
        """Whether the row must not be skipped."""
        return self.matters or self.remembers or self.raised


class _Account(msgspec.Struct, frozen=True):
    equity: float = 100_000.0
    cash: float = 100_000.0
    gross_exposure: float = 0.0
    drawdown_ratio: float = 0.0


_ACCOUNT = _Account()


class _Order(msgspec.Struct, frozen=True):
    order_id: str
    terms: OrderTerms
    remaining: Decimal
    cancel_asked: bool = False


class _View(msgspec.Struct):
    """Implements `core.interfaces.TradingContext` with fields."""

    candles: CandleColumns
    row: int
    now_ns: int
    instrument: Instrument
    position: Position
    entry: Entry | None
    working: Sequence[OpenOrder]
    regime: RegimeReading
    memory: Any
    book: AccountView

    def history(self, count: int) -> Sequence[Candle]:
        return [candle_at(self.candles, row) for row in range(max(0, self.row + 1 - count), self.row + 1)]


def stances_of(instrument: Instrument, ages: Sequence[int] = (1, 12, 96, 0)) -> list[Stance]:
    """Every way to stand on an instrument: flat, held at several ages, an entry or exit order working."""
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


def vector_at(table: ProbeTable, row: int) -> FeatureVector:
    """What the platform would hand to ``on_candle`` at a row."""
    candle = candle_at(table.candles, row)
    trending, ranging, volatile = table.posterior[:, row].tolist()
    values = table.values[:, row].tolist()
    regime = REGIMES[int(table.regime[row])]
    posterior = (trending, ranging, volatile)
    return FeatureVector(
        candle.symbol, candle.timeframe, candle.close_ns, candle, table.columns, values, regime, posterior
    )


class Probe:
    """One strategy in one stance on one symbol; its memory is carried from row to row."""

    def __init__(
        self, strategy: BaseStrategy[Any], instrument: Instrument, table: ProbeTable, stance: Stance
    ) -> None:
        self.stance = stance
        self._strategy = strategy
        self._instrument = instrument
        self._candles = table.candles
        warm = np.flatnonzero(table.warm)
        self._first = int(warm[0]) if len(warm) else len(table)
        self._highs = _extremes(table.candles.bars[HIGH], stance.age, self._first, np.maximum)
        self._lows = _extremes(table.candles.bars[LOW], stance.age, self._first, np.minimum)
        self._working = self._orders()
        self._memory = strategy.Memory() if strategy.Memory else None

    def covers(self, row: int) -> bool:
        """Whether the entry that the stance speaks of lies within the data."""
        return self.stance.held is Direction.FLAT or self._entry_row(row) >= 0

    def ask(self, vector: FeatureVector, row: int, *, afresh: bool = False) -> Answer:
        """Call the strategy at a row; ``afresh`` with new memory, leaving the carried one as it is."""
        memory = self._memory
        if afresh and self._strategy.Memory:
            memory = self._strategy.Memory()
        entry = self._entry(row)
        quantity = self._instrument.lot * self.stance.held.sign
        price = Decimal(0) if entry is None else decimal_of(entry.price)
        regime = RegimeReading(vector.regime, vector.posterior)
        view = _View(
            self._candles, row, vector.at_ns, self._instrument, Position(quantity, price), entry,
            self._working, regime, memory, _ACCOUNT,
        )  # fmt: skip
        before = repr(memory)
        try:
            signal = self._strategy.on_candle(view, vector.candle, vector)
        except RAISED as error:
            return Answer(f"raised {type(error).__name__}: {error}", False, False, raised=True)
        remembers = repr(memory) != before
        text = f"{_text(signal)}; memory {memory!r}" if memory is not None else _text(signal)
        return Answer(text, self._matters(signal, entry), remembers)

    def _matters(self, signal: Signal | None, entry: Entry | None) -> bool:
        if signal is None:
            return False
        if signal.direction is not self.stance.heading:
            return True
        if entry is None or self.stance.posture is not Posture.HOLDING or signal.stop is None:
            return False
        tick, up = self._instrument.tick, signal.direction is Direction.LONG
        return entry.stop is None or (
            price_to_tick(signal.stop, tick, up=up) != price_to_tick(entry.stop, tick, up=up)
        )

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

    def _orders(self) -> Sequence[OpenOrder]:
        held, heading = self.stance.held, self.stance.heading
        if held is heading:
            return ()
        lot = self._instrument.lot
        side = Side.BUY if heading.sign > held.sign else Side.SELL
        terms = OrderTerms("", self._instrument.symbol, side, lot, closing=held is not Direction.FLAT)
        return (_Order("probe", terms, lot),)


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


def _text(signal: Signal | None) -> str:
    """Everything a signal says, exactly, in one comparable line."""
    if not isinstance(signal, Signal):
        return repr(signal)
    said = f"{signal.direction.name} stop {signal.stop!r} strength {signal.strength!r}"
    return f"{said} targets {signal.targets!r} valid for {signal.valid_for} because {dict(signal.reasons)!r}"
