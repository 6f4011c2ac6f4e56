"""Asks a strategy outside a run: any row of a table, in any position, with any order under way."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from agentic_trading.core.enums import Direction, Posture, Side
from agentic_trading.core.events import FeatureVector, OrderTerms, Signal
from agentic_trading.core.interfaces import AccountView, OpenOrder
from agentic_trading.core.models import Candle, CandleColumns, Entry, Instrument, Position, candle_at
from agentic_trading.core.money import decimal_of, price_to_tick
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.checking.ground import RAISED, Ground
from agentic_trading.strategies.context import RegimeReading

POSTURES = {
    Direction.FLAT: Posture.FLAT,
    Direction.LONG: Posture.LONG,
    Direction.SHORT: Posture.SHORT,
}


class Standing(msgspec.Struct, frozen=True):
    """Where a strategy stands at one row: what it holds, where that is heading, how it was entered."""

    name: str
    held: Direction = Direction.FLAT
    heading: Direction = Direction.FLAT
    entry: Entry | None = None

    @property
    def posture(self) -> Posture:
        return POSTURES[self.held] if self.held is self.heading else Posture.BETWEEN


class Answer(msgspec.Struct, frozen=True):
    """What came back: the signal, the memory afterwards, and whether the platform must hear of it.

    ``matters`` says that it would act on the signal; ``remembers`` that the memory changed.
    """

    signal: Signal | None
    memory: tuple[Any, ...]
    matters: bool = False
    remembers: bool = False
    raised: str = ""

    @property
    def acts(self) -> bool:
        """Whether the row must not be skipped."""
        return self.matters or self.remembers or bool(self.raised)

    @property
    def text(self) -> str:
        """Everything that was answered, exactly, in one comparable line."""
        if self.raised:
            return self.raised
        said = "nothing" if self.signal is None else _said(self.signal)
        return f"{said}; memory {self.memory!r}" if self.memory else said


class Asker:
    """Asks one strategy on one symbol; what it remembers is given and taken with each question."""

    def __init__(self, strategy: BaseStrategy[Any], ground: Ground) -> None:
        self.strategy = strategy
        self.instrument = ground.instrument
        self.candles = ground.table.candles
        self._orders: dict[tuple[Direction, Direction], Sequence[OpenOrder]] = {}

    def new_memory(self) -> Any:
        """Memory as it is before the first candle; None for a strategy that has none."""
        return self.strategy.Memory() if self.strategy.Memory else None

    def ask(self, vector: FeatureVector, row: int, standing: Standing, memory: Any) -> Answer:
        """Call the strategy at a row; ``memory`` is what it may read and change."""
        entry, held = standing.entry, standing.held
        price = Decimal(0) if entry is None else decimal_of(entry.price)
        view = _View(
            self.candles, row, vector.at_ns, self.instrument,
            Position(self.instrument.lot * held.sign, price), entry, self._working(standing),
            RegimeReading(vector.regime, vector.posterior), memory, _ACCOUNT,
        )  # fmt: skip
        before = _remembered(memory)
        try:
            signal: Any = self.strategy.on_candle(view, vector.candle, vector)
        except RAISED as error:
            return Answer(None, before, raised=f"raised {type(error).__name__}: {error}")
        after = _remembered(memory)
        if signal is not None and not isinstance(signal, Signal):
            wrong = f"answered {type(signal).__name__} instead of a Signal or None"
            return Answer(None, after, raised=wrong)
        return Answer(signal, after, self._matters(signal, standing), after != before)

    def _matters(self, signal: Signal | None, standing: Standing) -> bool:
        if signal is None:
            return False
        if signal.direction is not standing.heading:
            return True
        entry = standing.entry
        if entry is None or standing.posture is Posture.BETWEEN or signal.stop is None:
            return False
        if entry.stop is None:
            return True
        tick, up = self.instrument.tick, signal.direction is Direction.LONG
        return price_to_tick(signal.stop, tick, up=up) != price_to_tick(entry.stop, tick, up=up)

    def _working(self, standing: Standing) -> Sequence[OpenOrder]:
        held, heading = standing.held, standing.heading
        if held is heading:
            return ()
        if (held, heading) not in self._orders:
            lot = self.instrument.lot
            side = Side.BUY if heading.sign > held.sign else Side.SELL
            terms = OrderTerms("", self.instrument.symbol, side, lot, closing=held is not Direction.FLAT)
            self._orders[held, heading] = (_Order("probe", terms, lot),)
        return self._orders[held, heading]


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


def _remembered(memory: Any) -> tuple[Any, ...]:
    return () if memory is None else msgspec.structs.astuple(memory)


def _said(signal: Signal) -> str:
    said = f"{signal.direction.name} stop {signal.stop!r} strength {signal.strength!r} style {signal.style}"
    return f"{said} targets {signal.targets!r} valid for {signal.valid_for} because {dict(signal.reasons)!r}"
