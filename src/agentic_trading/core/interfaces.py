"""The ports through which packages that do not know each other work together; joined in ``main``."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Protocol

from agentic_trading.core.enums import Direction, Regime
from agentic_trading.core.events import Event, FeatureVector, OrderTerms
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import Candle, Entry, FloatArray, Instrument, Position
from agentic_trading.core.money import ZERO

Reactions = Mapping[type[Event], Callable[[Any], Iterable[Event]]]
"""What an agent does about each type of event; the bus calls these of an agent that has ``reactions``."""


class Agent(Protocol):
    """Takes one event, returns events; no clock, no I/O, no bus."""

    @property
    def name(self) -> str: ...

    @property
    def reads(self) -> tuple[str, ...]:
        """Names of the agents whose state it reads; topology proves that they come before it."""
        ...

    @property
    def emits(self) -> tuple[type[Event], ...]:
        """Event types it may return; topology proves that each of them is routed."""
        ...

    def react(self, event: Any) -> Iterable[Event]: ...


class Reacting(ABC):
    """An agent with a reaction of its own to each type of event, which the bus calls directly."""

    @property
    @abstractmethod
    def reactions(self) -> Reactions:
        """What it does about each type of event; made when asked for, lest an agent hold itself."""

    def react(self, event: Any) -> Iterable[Event]:
        """Do what it does about events of this type."""
        return self.reactions[type(event)](event)


class Clock(Protocol):
    """Tells the time; nobody else does."""

    @property
    def now_ns(self) -> int: ...


class OpenOrder(Protocol):
    """A working order as a strategy may see it."""

    @property
    def order_id(self) -> str: ...

    @property
    def terms(self) -> OrderTerms: ...

    @property
    def remaining(self) -> Decimal: ...

    @property
    def cancel_asked(self) -> bool: ...


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


class SubPosition(Protocol):
    """The sub-book of one (strategy, symbol): signed quantity, its sign, and signed cost."""

    @property
    def quantity(self) -> Decimal: ...

    @property
    def direction(self) -> Direction: ...

    @property
    def cost(self) -> Decimal: ...


class SettledView(Protocol):
    """The ledger as others read it: booked fills only."""

    def position(self, strategy: str, symbol: str) -> SubPosition: ...

    def positions(self) -> Iterable[tuple[str, str, SubPosition]]:
        """All sub-books ever opened, as (strategy, symbol, sub-book), in order of first use."""
        ...

    @property
    def held(self) -> Mapping[tuple[str, str], SubPosition]:
        """The sub-books that are not flat, by (strategy, symbol); one mapping, which follows the books."""
        ...

    def balance(self, asset: str) -> Decimal: ...


class WorkingView(Protocol):
    """The order manager as others read it: what is on its way or at the venue."""

    @property
    def at_work(self) -> Mapping[tuple[str, str], Mapping[str, OpenOrder]]:
        """What `working` gives, by (strategy, symbol) and id: one mapping of those that have any."""
        ...

    @property
    def bracketed(self) -> Mapping[tuple[str, str], object]:
        """Those (strategy, symbol) that have open stops or targets: one mapping, which follows them."""
        ...

    def working(self, strategy: str, symbol: str) -> Sequence[OpenOrder]:
        """Open orders, stops and targets of the position excluded."""
        ...

    def stops(self, strategy: str, symbol: str) -> Sequence[OpenOrder]:
        """The stops that protect the open position, one for each order that opened a part of it."""
        ...

    def protective_stop(self, strategy: str, symbol: str) -> OpenOrder | None:
        """The latest of the stops that protect the open position, if there is one."""
        ...

    def loose_targets(self, strategy: str, symbol: str) -> Sequence[OpenOrder]:
        """Open targets that no stop or exit takes with it at the venue when it executes."""
        ...

    def pending(self, strategy: str, symbol: str) -> tuple[Decimal, Decimal]:
        """Unfilled (buy, sell) quantity of open orders, stops and targets of the position excluded."""
        ...

    def pairs(self) -> Iterable[tuple[str, str]]:
        """(strategy, symbol) pairs with open orders, in order of first use."""
        ...


class MarksView(Protocol):
    """Last closed prices and the account's value at them."""

    def price(self, symbol: str) -> float:
        """Last closed price; NaN when the symbol never had one."""
        ...

    def marked_ns(self, symbol: str) -> int:
        """Close time of the candle behind ``price``."""
        ...

    @property
    def equity(self) -> float: ...

    @property
    def drawdown_ratio(self) -> float: ...

    @property
    def day_loss_ratio(self) -> float: ...


# Names of their own: enums look their members up slowly.
_FLAT, _LONG, _SHORT = Direction.FLAT, Direction.LONG, Direction.SHORT


def direction_of(quantity: Decimal) -> Direction:
    """Long, short or flat by the sign of a quantity."""
    if not quantity:
        return _FLAT
    return _LONG if quantity > ZERO else _SHORT
