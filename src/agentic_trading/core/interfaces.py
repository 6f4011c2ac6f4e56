"""The ports through which packages that do not know each other work together; joined in ``main``."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, Protocol

from agentic_trading.core.enums import Direction, Regime, TradingState
from agentic_trading.core.events import Event, FeatureVector
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import Candle, Entry, FloatArray, Instrument, Position


class Agent(Protocol):
    """Takes one event, returns events; no clock, no I/O, no bus."""

    @property
    def name(self) -> str: ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the agents whose state it reads; topology proves that they come before it."""
        ...

    def react(self, event: Any) -> Iterable[Event]: ...


class Clock(Protocol):
    """Tells the time; nobody else does."""

    @property
    def now_ns(self) -> int: ...


class OpenOrder(Protocol):
    """A working order as a strategy may see it."""

    @property
    def order_id(self) -> str: ...

    @property
    def remaining(self) -> Decimal: ...


class AccountView(Protocol):
    """The account as a whole, in quote currency, at the last closed candle."""

    @property
    def equity(self) -> float: ...

    @property
    def cash(self) -> float: ...

    @property
    def gross_exposure(self) -> float: ...

    @property
    def drawdown_ratio(self) -> float: ...


class RegimeView(Protocol):
    """What the regime model says on this symbol."""

    @property
    def state(self) -> Regime: ...

    @property
    def posterior(self) -> tuple[float, float, float]:
        """Probabilities of trending, ranging, volatile."""
        ...


class TradingContext(Protocol):
    """All a strategy may see of the platform: read-only, except its own ``memory``."""

    @property
    def now_ns(self) -> int: ...

    @property
    def instrument(self) -> Instrument: ...

    @property
    def position(self) -> Position:
        """The strategy's own position on this symbol (its sub-book)."""
        ...

    @property
    def entry(self) -> Entry | None:
        """How the open position came about; None while flat."""
        ...

    @property
    def working(self) -> Sequence[OpenOrder]:
        """The strategy's own open orders on this symbol."""
        ...

    @property
    def book(self) -> AccountView: ...

    @property
    def regime(self) -> RegimeView: ...

    @property
    def memory(self) -> Any:
        """The strategy's own typed struct for this symbol; assignments are recorded."""
        ...

    def history(self, count: int) -> Sequence[Candle]:
        """The last ``count`` closed candles of this symbol and timeframe, oldest first."""
        ...


class Strategy(Protocol):
    """What the platform needs of a strategy; `strategies.base.BaseStrategy` provides it."""

    def features(self) -> Sequence[FeatureSpec]: ...

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Any: ...


class RegimeModel(Protocol):
    """A regime classifier as a column: one step function over feature columns, like an indicator."""

    @property
    def features(self) -> Sequence[FeatureSpec]:
        """The feature columns it needs, in the order of the rows of ``inputs``."""
        ...

    def new_state(self) -> FloatArray: ...

    def advance(self, state: FloatArray, inputs: FloatArray, out: FloatArray, start: int, stop: int) -> None:
        """Classify rows ``start..stop``: ``inputs`` (k, n), ``out`` (4, n) = code, three posteriors.

        ``state`` carries over, so any chunking gives the same bits. NaN inputs give code 0 (unknown).
        """
        ...


class SettledView(Protocol):
    """The ledger as others read it: booked fills only."""

    def position(self, strategy: str, symbol: str) -> Decimal: ...

    def balance(self, asset: str) -> Decimal: ...


class WorkingView(Protocol):
    """The order manager as others read it: what is on its way or at the venue."""

    def buying(self, strategy: str, symbol: str) -> Decimal:
        """Unfilled quantity of open buy orders, protective orders excluded."""
        ...

    def selling(self, strategy: str, symbol: str) -> Decimal: ...


class TradingStateView(Protocol):
    """How much the platform may do at the moment."""

    @property
    def state(self) -> TradingState: ...


def direction_of(quantity: Decimal) -> Direction:
    """Long, short or flat by the sign of a quantity."""
    if not quantity:
        return Direction.FLAT
    return Direction.LONG if quantity > 0 else Direction.SHORT
