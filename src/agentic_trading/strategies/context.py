"""What a strategy sees of the platform: one view per (strategy, symbol), read at the moment it asks."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import msgspec

from agentic_trading.core.enums import Regime, Timeframe
from agentic_trading.core.events import FeatureVector
from agentic_trading.core.interfaces import (
    AccountView,
    Clock,
    OpenOrder,
    SettledView,
    WorkingView,
)
from agentic_trading.core.models import Candle, Entry, Instrument, Position
from agentic_trading.core.money import ZERO, average


class EntryView(Protocol):
    """Where entries of open positions are read."""

    def entry(self, strategy: str, symbol: str) -> Entry | None: ...


class HistoryView(Protocol):
    """Where closed candles are read."""

    def last_candles(self, symbol: str, timeframe: Timeframe, count: int) -> Sequence[Candle]: ...


class RegimeReading(msgspec.Struct, frozen=True):
    """The regime on the current feature row."""

    state: Regime
    posterior: tuple[float, float, float]


UNKNOWN_REGIME = RegimeReading(Regime.UNKNOWN, (0.0, 0.0, 0.0))
_FLAT = Position(ZERO, ZERO)


class CatchUp:
    """Called before a strategy reads what marks tell: whoever marks rows later than it asks catches up.

    ``ask`` is set for as long as somebody does that.
    """

    __slots__ = ("ask",)

    def __init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        """From now on all rows are marked before anybody is asked."""
        self.ask: Callable[[], object] = bool

    def __call__(self) -> None:
        self.ask()


class Desk(msgspec.Struct, frozen=True):
    """The views that all contexts of a run share."""

    clock: Clock
    settled: SettledView
    working: WorkingView
    account: AccountView
    entries: EntryView
    history: HistoryView
    catch_up: CatchUp = msgspec.field(default_factory=CatchUp)


class Context:
    """Implements `core.interfaces.TradingContext` for one strategy on one symbol."""

    __slots__ = ("_cost", "_desk", "_memory", "_position", "_strategy", "_timeframe", "instrument", "vector")

    def __init__(
        self, desk: Desk, strategy: str, instrument: Instrument, timeframe: Timeframe, memory: Any
    ) -> None:
        """``timeframe`` is the strategy's first; ``memory`` an instance of its Memory struct or None."""
        self._desk = desk
        self._strategy = strategy
        self._timeframe = timeframe
        self._memory = memory
        self.instrument = instrument
        self._position, self._cost = _FLAT, ZERO
        self.vector: FeatureVector | None = None
        """The features of the candle that the strategy is asked about."""

    @property
    def now_ns(self) -> int:
        return self._desk.clock.now_ns

    @property
    def position(self) -> Position:
        self._desk.catch_up()
        book = self._desk.settled.position(self._strategy, self.instrument.symbol)
        quantity, cost = book.quantity, book.cost
        if quantity is not self._position.quantity or cost is not self._cost:
            self._position, self._cost = Position(quantity, average(cost, quantity)), cost
        return self._position

    @property
    def entry(self) -> Entry | None:
        self._desk.catch_up()
        return self._desk.entries.entry(self._strategy, self.instrument.symbol)

    @property
    def working(self) -> Sequence[OpenOrder]:
        return self._desk.working.working(self._strategy, self.instrument.symbol)

    @property
    def book(self) -> AccountView:
        self._desk.catch_up()
        return self._desk.account

    @property
    def regime(self) -> RegimeReading:
        if self.vector is None:
            return UNKNOWN_REGIME
        return RegimeReading(self.vector.regime, self.vector.posterior)

    @property
    def memory(self) -> Any:
        return self._memory

    def history(self, count: int) -> Sequence[Candle]:
        """The last ``count`` closed candles, oldest first; fewer right after the start."""
        return self._desk.history.last_candles(self.instrument.symbol, self._timeframe, count)
