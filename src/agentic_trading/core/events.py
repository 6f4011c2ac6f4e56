"""Everything that happens, as one tagged union of frozen facts and requests, in the order a trade lives."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TypedDict, Unpack

import msgspec

from agentic_trading.core.enums import (
    Direction,
    Liquidity,
    OrderType,
    Regime,
    Side,
    Timeframe,
    TimeInForce,
    TradingState,
)
from agentic_trading.core.models import Candle

NO_REASONS: Mapping[str, float] = {}


class Event(msgspec.Struct, frozen=True, tag=True):
    """Base of all events; the tag is the class name."""


# --- the market speaks ------------------------------------------------------------------------


class CandlesClosed(Event, frozen=True):
    """The candles that closed at one instant, in symbol order: one external event.

    All of them, or in a replay that jumps from event to event those that somebody needs.
    """

    at_ns: int
    candles: tuple[Candle, ...]


class GapFound(Event, frozen=True):
    """Candles of a symbol are missing before this close: features start afresh, no entries until warm."""

    at_ns: int
    symbol: str
    missing: int


class FeatureVector(Event, frozen=True):
    """The features of one symbol at the close of a candle: read by name, ``features["ema_12"]``.

    ``columns`` maps names to positions in ``values`` and is shared by all vectors of a symbol.
    ``stale`` says that a higher timeframe is older than one of its own candles (a gap).
    """

    symbol: str
    timeframe: Timeframe
    at_ns: int
    candle: Candle
    columns: Mapping[str, int]
    values: Sequence[float]
    regime: Regime = Regime.UNKNOWN
    posterior: tuple[float, float, float] = (0.0, 0.0, 0.0)
    stale: bool = False

    def __getitem__(self, name: str) -> float:
        try:
            return self.values[self.columns[name]]
        except KeyError:
            declared = ", ".join(sorted(self.columns)) or "none"
            raise KeyError(f"feature {name!r} was not declared; declared are: {declared}") from None

    def get(self, name: str, default: float | None = None) -> float | None:
        """The value, or ``default`` if the feature was not declared."""
        position = self.columns.get(name)
        return default if position is None else self.values[position]


class RegimeChanged(Event, frozen=True):
    """The regime model moved to another state; a fact for listeners, not the source of the gate."""

    at_ns: int
    symbol: str
    timeframe: Timeframe
    previous: Regime
    regime: Regime


# --- a strategy wants -------------------------------------------------------------------------


class Wishes(TypedDict, total=False):
    """What a strategy may say about a position it wants, besides its direction; see `Signal`."""

    strength: float
    stop: float | None
    targets: tuple[float, ...]
    valid_for: int
    reasons: Mapping[str, float]


class Signal(Event, frozen=True):
    """The position a strategy wants on a symbol: long, short or flat.

    ``strength`` scales the size, 0..1. ``stop`` and ``targets`` are prices. ``valid_for`` is a number
    of candles after which an unfilled entry is pointless (0: no limit). ``reasons`` explain it.
    The platform stamps ``id``, ``at_ns``, ``strategy``, ``price`` (the candle's close), ``regime`` and,
    where sizing needs it, ``volatility`` (annualised ratio).
    """

    strategy: str
    symbol: str
    direction: Direction
    strength: float = 1.0
    stop: float | None = None
    targets: tuple[float, ...] = ()
    valid_for: int = 0
    reasons: Mapping[str, float | None] = NO_REASONS
    id: str = ""
    at_ns: int = 0
    price: float = 0.0
    regime: Regime = Regime.UNKNOWN
    volatility: float | None = None

    @staticmethod
    def long(candle: Candle, **wishes: Unpack[Wishes]) -> "Signal":
        """Want a long position on the candle's symbol."""
        return _wanted(Direction.LONG, candle, wishes)

    @staticmethod
    def short(candle: Candle, **wishes: Unpack[Wishes]) -> "Signal":
        """Want a short position on the candle's symbol."""
        return _wanted(Direction.SHORT, candle, wishes)

    @staticmethod
    def flat(candle: Candle, **wishes: Unpack[Wishes]) -> "Signal":
        """Want no position on the candle's symbol."""
        return _wanted(Direction.FLAT, candle, wishes)


def _wanted(direction: Direction, candle: Candle, wishes: Wishes) -> Signal:
    return Signal("", candle.symbol, direction, at_ns=candle.close_ns, price=candle.close, **wishes)


class MemoryChanged(Event, frozen=True):
    """What a strategy remembers about a symbol changed; ``fields`` is the whole struct."""

    at_ns: int
    strategy: str
    symbol: str
    fields: Mapping[str, float | int | str | bool | None]


class SignalGated(Event, frozen=True):
    """A signal that may not trade in this regime; it goes no further."""

    at_ns: int
    signal: str
    strategy: str
    symbol: str
    direction: Direction
    code: str
    regime: Regime


class SignalAdmitted(Event, frozen=True):
    """A signal that passed the gate and goes on to sizing."""

    signal: Signal


# --- it is sized, judged, approved ------------------------------------------------------------


class OrderTerms(msgspec.Struct, frozen=True):
    """What is to be bought or sold; the part that proposal, intent and order have in common.

    ``price`` is the limit, ``stop_price`` the trigger. ``closing`` means that the order only takes
    down the strategy's own position; ``reduce_only`` asks the venue to enforce it on the account.
    ``protective_stop`` is the price at which the position it opens is to be closed: the venue works
    that stop from the first fill on, under the id ``stop_id_of(order_id)``. ``replaces`` names an
    order that the venue cancels when it takes this one; if that order is done, this one is rejected.
    """

    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.GTC
    price: Decimal | None = None
    stop_price: Decimal | None = None
    closing: bool = False
    reduce_only: bool = False
    protective_stop: Decimal | None = None
    replaces: str | None = None


def stop_id_of(order_id: str) -> str:
    """Id of the protective stop that is attached to an order."""
    return order_id + "s"


def attached_stop(entry: OrderTerms) -> OrderTerms:
    """Terms of the protective stop that an entry carries; its quantity grows with the entry's fills."""
    return OrderTerms(
        strategy=entry.strategy,
        symbol=entry.symbol,
        side=entry.side.opposite,
        quantity=Decimal(0),
        type=OrderType.STOP_MARKET,
        stop_price=entry.protective_stop,
        closing=True,
        reduce_only=True,
    )


class Proposal(Event, frozen=True):
    """A sized wish that waits for risk. ``reference_price`` is the mark at which it was sized."""

    id: str
    at_ns: int
    terms: OrderTerms
    reference_price: float
    cause: str
    reason: str = ""


class Refusal(Event, frozen=True):
    """One reason why a signal or proposal does not become an order, with the numbers behind it.

    ``headroom`` is what was left before the limit, negative if it is broken; the numbers are None where
    an input was unknown.
    """

    at_ns: int
    subject: str
    strategy: str
    symbol: str
    code: str
    value: float | None
    limit: float | None
    headroom: float | None
    detail: str = ""


class OrderIntent(Event, frozen=True):
    """An approved order; only ``risk.engine`` may make one."""

    order_id: str
    at_ns: int
    terms: OrderTerms
    proposal: str
    cause: str
    reason: str = ""


# --- commands to the venue (they leave the core through the outbox) ---------------------------


class SubmitOrder(Event, frozen=True):
    """Send this order to the venue, once."""

    order_id: str
    at_ns: int
    terms: OrderTerms


class CancelOrder(Event, frozen=True):
    """Ask the venue to cancel what is left of an order."""

    order_id: str
    at_ns: int
    symbol: str
    reason: str


# --- the venue answers ------------------------------------------------------------------------


class OrderAccepted(Event, frozen=True):
    """The venue has the order and works it."""

    order_id: str
    at_ns: int


class OrderRejected(Event, frozen=True):
    """The venue refused the order; nothing of it was executed."""

    order_id: str
    at_ns: int
    reason: str


class OrderCanceled(Event, frozen=True):
    """The rest of the order is gone: cancelled by us or expired at the venue."""

    order_id: str
    at_ns: int
    reason: str


class OrderUnknown(Event, frozen=True):
    """We do not know whether the venue has the order; its exposure stays reserved."""

    order_id: str
    at_ns: int
    reason: str


class OrderNotSent(Event, frozen=True):
    """The order was stopped before it left the house."""

    order_id: str
    at_ns: int
    reason: str


class Fill(Event, frozen=True):
    """An execution. ``reference_price`` is what the market showed before costs (the cost baseline)."""

    trade_id: str
    order_id: str
    strategy: str
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    reference_price: Decimal
    at_ns: int


class Funding(Event, frozen=True):
    """Funding of the account's net position at a stamp; ``payment`` is signed, positive to us."""

    at_ns: int
    symbol: str
    rate: Decimal
    mark: Decimal
    quantity: Decimal
    payment: Decimal


# --- the books and the house ------------------------------------------------------------------


class FundingPosted(Event, frozen=True):
    """One strategy's exact share of a funding payment, as posted to its sub-book."""

    at_ns: int
    strategy: str
    symbol: str
    rate: Decimal
    notional: Decimal
    payment: Decimal


class OrderClosed(Event, frozen=True):
    """An order reached its end and everything in it is booked; ``filled`` is what was executed."""

    order_id: str
    at_ns: int
    terms: OrderTerms
    filled: Decimal
    reason: str


class TradingStateSet(Event, frozen=True):
    """The trading state changed (breakers, kill switch); the more cautious one wins."""

    at_ns: int
    state: TradingState
    reason: str


class Bankrupt(Event, frozen=True):
    """Equity reached zero; the run ends here."""

    at_ns: int
    equity: float


class Alarm(Event, frozen=True):
    """Request of an agent to be woken at a time; the core owns no timers."""

    key: str
    at_ns: int


class AlarmRang(Event, frozen=True):
    """An alarm that was asked for is due."""

    key: str
    at_ns: int


class DayStarted(Event, frozen=True):
    """A UTC day begins: daily limits start afresh."""

    at_ns: int


Command = SubmitOrder | CancelOrder
AnyEvent = (
    CandlesClosed
    | GapFound
    | FeatureVector
    | RegimeChanged
    | Signal
    | MemoryChanged
    | SignalGated
    | SignalAdmitted
    | Proposal
    | Refusal
    | OrderIntent
    | SubmitOrder
    | CancelOrder
    | OrderAccepted
    | OrderRejected
    | OrderCanceled
    | OrderUnknown
    | OrderNotSent
    | Fill
    | Funding
    | FundingPosted
    | OrderClosed
    | TradingStateSet
    | Bankrupt
    | Alarm
    | AlarmRang
    | DayStarted
)
