"""Everything that happens, as one tagged union of frozen facts and requests, in the order a trade lives."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import (
    Direction,
    ExecutionStyle,
    Liquidity,
    Regime,
    Side,
    Timeframe,
    TradingState,
)
from agentic_trading.core.models import Candle

# Known to everyone from here: the terms are a part of the language.
from agentic_trading.core.orders import OrderTerms as OrderTerms  # noqa: PLC0414
from agentic_trading.core.orders import attached_stop as attached_stop  # noqa: PLC0414
from agentic_trading.core.orders import stop_id_of as stop_id_of  # noqa: PLC0414

LONG, SHORT, FLAT, UNKNOWN = Direction.LONG, Direction.SHORT, Direction.FLAT, Regime.UNKNOWN
NO_REASONS: Mapping[str, float] = {}
Targets = tuple[float | tuple[float, float], ...]
"""Where to take profit: prices, or pairs of a price and the share of the position to close there."""


class Event(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Base of all events; the tag is the class name. None holds itself, so no collector need look at them."""


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


class Signal(Event, frozen=True):
    """The position a strategy wants on a symbol: long, short or flat.

    ``strength`` scales the size, 0..1. ``stop`` is a price. ``targets`` are prices with equal shares of
    the position, or pairs of price and share. ``valid_for`` is a number of candles after which an
    unfilled entry is pointless (0: no limit). ``reasons`` explain it. ``style`` is how the entry is
    executed; None leaves that to the settings.
    The platform stamps ``id``, ``at_ns``, ``strategy``, ``price`` (the candle's close), ``regime`` and,
    where sizing needs it, ``volatility`` (annualised ratio).
    """

    strategy: str
    symbol: str
    direction: Direction
    strength: float = 1.0
    stop: float | None = None
    targets: Targets = ()
    valid_for: int = 0
    reasons: Mapping[str, float | None] = NO_REASONS
    id: str = ""
    at_ns: int = 0
    price: float = 0.0
    regime: Regime = Regime.UNKNOWN
    volatility: float | None = None
    style: ExecutionStyle | None = None

    @staticmethod
    def long(
        candle: Candle, *, strength: float = 1.0, stop: float | None = None, targets: Targets = (),
        style: ExecutionStyle | None = None, valid_for: int = 0, reasons: Mapping[str, float] = NO_REASONS,
    ) -> "Signal":  # fmt: skip
        """Want a long position on the candle's symbol."""
        return Signal(
            "", candle.symbol, LONG, strength, stop, targets, valid_for, reasons, "", candle.close_ns,
            candle.close, UNKNOWN, None, style,
        )  # fmt: skip

    @staticmethod
    def short(
        candle: Candle, *, strength: float = 1.0, stop: float | None = None, targets: Targets = (),
        style: ExecutionStyle | None = None, valid_for: int = 0, reasons: Mapping[str, float] = NO_REASONS,
    ) -> "Signal":  # fmt: skip
        """Want a short position on the candle's symbol."""
        return Signal(
            "", candle.symbol, SHORT, strength, stop, targets, valid_for, reasons, "", candle.close_ns,
            candle.close, UNKNOWN, None, style,
        )  # fmt: skip

    @staticmethod
    def flat(
        candle: Candle, *, strength: float = 1.0, stop: float | None = None, targets: Targets = (),
        style: ExecutionStyle | None = None, valid_for: int = 0, reasons: Mapping[str, float] = NO_REASONS,
    ) -> "Signal":  # fmt: skip
        """Want no position on the candle's symbol."""
        return Signal(
            "", candle.symbol, FLAT, strength, stop, targets, valid_for, reasons, "", candle.close_ns,
            candle.close, UNKNOWN, None, style,
        )  # fmt: skip


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


class AmendOrder(Event, frozen=True):
    """Ask the venue to change a working order; None leaves a part as it is.

    ``quantity`` is the whole quantity, what was filled included: at or below that, the order is done.
    """

    order_id: str
    at_ns: int
    symbol: str
    quantity: Decimal | None = None
    price: Decimal | None = None
    stop_price: Decimal | None = None


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


class OrderAmended(Event, frozen=True):
    """The order now has this whole quantity and these prices: as asked, or by its bracket or predecessor."""

    order_id: str
    at_ns: int
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None


class AmendRejected(Event, frozen=True):
    """The venue did not change the order; it works as before, if it still works."""

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


class Liquidated(Event, frozen=True):
    """The venue closed all there was of a perpetual by force, at one price.

    ``quantity`` is the signed position that was closed, ``fee`` all that was taken beside (what the
    insurance fund bore is negative), ``mark`` the mark price behind it. ``reason`` is ``liquidated`` or
    ``delisted``.
    """

    at_ns: int
    symbol: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    mark: Decimal
    reason: str


# --- the books and the house ------------------------------------------------------------------


class LiquidationPosted(Event, frozen=True):
    """One strategy's exact share of a forced closing, as posted to its sub-book; no order stands behind."""

    fill: Fill


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


Command = SubmitOrder | AmendOrder | CancelOrder
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
    | AmendOrder
    | CancelOrder
    | OrderAccepted
    | OrderRejected
    | OrderAmended
    | AmendRejected
    | OrderCanceled
    | OrderUnknown
    | OrderNotSent
    | Fill
    | Funding
    | Liquidated
    | FundingPosted
    | LiquidationPosted
    | OrderClosed
    | TradingStateSet
    | Bankrupt
    | Alarm
    | AlarmRang
    | DayStarted
)
