"""From a wanted position to proposals: open, close, reverse, or move the stop; one step at a time."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from agentic_trading.core.enums import POSTURES, Direction, OrderType, Posture, Side, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    CancelOrder,
    Event,
    OrderClosed,
    OrderTerms,
    Proposal,
    Refusal,
    Signal,
    SignalAdmitted,
)
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import Clock, MarksView, SettledView, WorkingView, direction_of
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import price_to_tick
from agentic_trading.core.sizing import SizingSettings
from agentic_trading.portfolio.sizing import wanted_quantity

_NETTED = "reduce_only"
"""How the venue's reason begins when the account had nothing to reduce for this strategy."""
_REPLACED_IS_DONE = "replaced_order_is_done"
"""The venue's reason when the stop that an exit was to replace had ended before it came."""


class Allotment(msgspec.Struct, frozen=True):
    """What one strategy may use: its sizing, its largest share of equity, its finest timeframe."""

    sizing: SizingSettings
    max_position_ratio: float
    timeframe: Timeframe


class Allocator:
    """Agent ``sizing``: turns admitted signals into proposals.

    It acts on the difference between the wanted position and where the strategy's own position is
    heading (settled plus working). If an order that points elsewhere is still working, it is cancelled
    and the signal waits for its end; a reversal closes first and opens when the close is done. An exit
    is pursued to its end, whatever became of its order. What is left of an entry when its signal's
    ``valid_for`` is over is cancelled.
    """

    name = "sizing"
    reads = ("ledger", "orders", "equity")
    emits = (Proposal, Refusal, CancelOrder, Alarm)

    def __init__(
        self,
        instruments: Mapping[str, Instrument],
        allotments: Mapping[str, Allotment],
        settled: SettledView,
        working: WorkingView,
        marks: MarksView,
        clock: Clock,
        ids: IdSequence,
        multiplier: float = 1.0,
    ) -> None:
        """``multiplier`` is the safe-mode factor on every size."""
        self._instruments = instruments
        self._allotments = allotments
        self._settled = settled
        self._working = working
        self._marks = marks
        self._clock = clock
        self._ids = ids
        self._multiplier = multiplier
        self._waiting: dict[tuple[str, str], Signal] = {}
        self._netted: dict[tuple[str, str], None] = {}
        self._deadline: dict[tuple[str, str], str] = {}

    def react(self, event: SignalAdmitted | OrderClosed | Refusal | AlarmRang) -> Iterable[Event]:
        if type(event) is SignalAdmitted:
            return self._pursue(event.signal)
        if type(event) is OrderClosed:
            return self._after(event)
        if isinstance(event, Refusal):
            self._waiting.pop((event.strategy, event.symbol), None)
            return ()
        assert isinstance(event, AlarmRang)
        due = [key for key, alarm in self._deadline.items() if alarm == event.key]
        return [cancel for key in due for cancel in self._cancel_entry(key, "expired")]

    def posture(self, strategy: str, symbol: str) -> Posture:
        """Whether the strategy is flat, holds a long or a short, or has something under way."""
        if (strategy, symbol) in self._waiting or self._working.working(strategy, symbol):
            return Posture.BETWEEN
        held = self._settled.position(strategy, symbol).quantity
        return POSTURES[direction_of(held)]

    def heading(self, strategy: str, symbol: str) -> Direction:
        """The direction the position is on its way to; a waiting signal decides, then open orders."""
        waiting = self._waiting.get((strategy, symbol))
        if waiting is not None:
            return waiting.direction
        buying, selling = self._working.pending(strategy, symbol)
        return direction_of(self._settled.position(strategy, symbol).quantity + buying - selling)

    def changes(self, strategy: str, signal: Signal) -> bool:
        """Whether a strategy's signal wants anything that is not already so or on its way."""
        heading = self.heading(strategy, signal.symbol)
        if heading is not signal.direction:
            return True
        if heading is Direction.FLAT or signal.stop is None:
            return False
        settled = not self._working.working(strategy, signal.symbol)
        return settled and self._new_stop(strategy, signal) is not None

    def _after(self, done: OrderClosed) -> list[Event]:
        """An order is done: go on with the signal that waited for it, or with the exit it did not finish."""
        key = (done.terms.strategy, done.terms.symbol)
        held = self._settled.position(*key).quantity
        if done.terms.closing and done.reason.startswith(_NETTED):
            self._netted[key] = None
        if not held:
            self._netted.pop(key, None)
        waiting = self._waiting.pop(key, None)
        if waiting is not None and self._expired(waiting):
            waiting = self._without_entry(waiting, direction_of(held))
        if waiting is not None:
            return self._pursue(waiting)
        exits = done.terms.closing and done.terms.stop_price is None
        unfinished = key in self._netted or (exits and done.reason == _REPLACED_IS_DONE)
        if not (held and unfinished) or self._working.working(*key):
            return []
        price = self._marks.price(key[1])
        terms = self._exit_terms(key, held)
        return [
            Proposal(
                self._ids.next("proposal"), self._clock.now_ns, terms, price, done.order_id, "exit_again"
            )
        ]

    def _pursue(self, signal: Signal) -> list[Event]:
        key = (signal.strategy, signal.symbol)
        working = self._working.working(*key)
        if working:
            self._waiting[key] = signal
            return self._cancel_entry(key, "signal_changed")
        self._waiting.pop(key, None)
        held = self._settled.position(*key).quantity
        have = direction_of(held)
        if have is Direction.FLAT:
            return [] if signal.direction is Direction.FLAT else self._enter(key, signal)
        if have is signal.direction and key not in self._netted:
            return self._move_stop(signal, held)
        terms, price = self._exit_terms(key, held), self._marks.price(signal.symbol)
        steps: list[Event] = [self._propose(signal, terms, price, "signal")]
        if signal.direction is Direction.SHORT and not self._instruments[signal.symbol].can_short:
            steps.append(self._refuse_short(signal))
        elif signal.direction is not Direction.FLAT:
            self._waiting[key] = signal
        return steps

    def _exit_terms(self, key: tuple[str, str], held: Decimal) -> OrderTerms:
        """Close the whole position; the protective stop goes with it.

        On a one-way perpetual two strategies may hold opposite positions that net; the venue then
        refuses to reduce for one of them. After such a refusal the exit goes without the flag.
        """
        netted = key in self._netted
        self._netted.pop(key, None)
        stop = self._working.protective_stop(*key)
        return OrderTerms(
            *key,
            Side.SELL if held > 0 else Side.BUY,
            abs(held),
            closing=True,
            reduce_only=not netted,
            replaces=stop.order_id if stop is not None else None,
        )

    def _cancel_entry(self, key: tuple[str, str], reason: str) -> list[Event]:
        return [
            CancelOrder(order.order_id, self._clock.now_ns, key[1], reason)
            for order in self._working.working(*key)
            if not (order.terms.closing or order.cancel_asked)
        ]

    def _enter(self, key: tuple[str, str], signal: Signal) -> list[Event]:
        self._deadline.pop(key, None)
        answer = self._open(signal)
        if isinstance(answer, Refusal) or not signal.valid_for:
            return [answer]
        self._deadline[key] = f"valid_for {signal.id}"
        return [answer, Alarm(self._deadline[key], signal.at_ns + self._lifetime_ns(signal))]

    def _open(self, signal: Signal) -> Event:
        instrument = self._instruments[signal.symbol]
        if signal.targets:
            return self._refuse(signal, "targets_not_supported", len(signal.targets), 0)
        if signal.direction is Direction.SHORT and not instrument.can_short:
            return self._refuse_short(signal)
        allotment = self._allotments[signal.strategy]
        price = self._marks.price(signal.symbol)
        quantity = wanted_quantity(
            allotment.sizing,
            instrument,
            strength=signal.strength,
            equity=self._marks.equity,
            price=price,
            volatility=signal.volatility,
            max_fraction=allotment.max_position_ratio,
            multiplier=self._multiplier,
        )
        if quantity is None:
            return self._refuse(signal, "size_unknown", 0, 0, "price, equity or volatility is missing")
        notional = float(quantity) * price
        if quantity < instrument.min_quantity:
            return self._refuse_below(signal, float(quantity), float(instrument.min_quantity), "quantity")
        if notional < float(instrument.min_notional):
            return self._refuse_below(signal, notional, float(instrument.min_notional), "notional")
        side = Side.BUY if signal.direction is Direction.LONG else Side.SELL
        stop = self._stop_price(signal, instrument)
        if stop is not None and not _protects(stop, price, signal.direction):
            return self._refuse(signal, "stop_on_wrong_side", float(stop), price, sign=side.sign)
        terms = OrderTerms(signal.strategy, signal.symbol, side, quantity, protective_stop=stop)
        return self._propose(signal, terms, price, "entry")

    def _move_stop(self, signal: Signal, held: Decimal) -> list[Event]:
        """Replace the protective stop if the signal names another price; a signal without one keeps it."""
        price = self._new_stop(signal.strategy, signal)
        if price is None:
            return []
        mark = self._marks.price(signal.symbol)
        if not _protects(price, mark, signal.direction):
            sign = signal.direction.sign
            return [self._refuse(signal, "stop_on_wrong_side", float(price), mark, sign=sign)]
        current = self._working.protective_stop(signal.strategy, signal.symbol)
        terms = OrderTerms(
            signal.strategy,
            signal.symbol,
            Side.SELL if held > 0 else Side.BUY,
            abs(held),
            OrderType.STOP_MARKET,
            stop_price=price,
            closing=True,
            reduce_only=True,
            replaces=current.order_id if current is not None else None,
        )
        return [self._propose(signal, terms, mark, "stop")]

    def _new_stop(self, strategy: str, signal: Signal) -> Decimal | None:
        """The price the protective stop should move to; None if it is there already."""
        price = self._stop_price(signal, self._instruments[signal.symbol])
        current = self._working.protective_stop(strategy, signal.symbol)
        return None if current is not None and current.terms.stop_price == price else price

    def _stop_price(self, signal: Signal, instrument: Instrument) -> Decimal | None:
        """The signal's stop on the tick, rounded toward the market: it triggers no later than asked."""
        if signal.stop is None:
            return None
        return price_to_tick(signal.stop, instrument.tick, up=signal.direction is Direction.LONG)

    def _without_entry(self, signal: Signal, have: Direction) -> Signal | None:
        """What an expired signal still wants: not an entry, but out of a position that points elsewhere."""
        if have is signal.direction:
            return None
        return msgspec.structs.replace(signal, direction=Direction.FLAT, stop=None)

    def _expired(self, signal: Signal) -> bool:
        if not signal.valid_for or signal.direction is Direction.FLAT:
            return False
        return self._clock.now_ns - signal.at_ns > self._lifetime_ns(signal)

    def _lifetime_ns(self, signal: Signal) -> int:
        return signal.valid_for * self._allotments[signal.strategy].timeframe.ns

    def _propose(self, signal: Signal, terms: OrderTerms, price: float, reason: str) -> Proposal:
        return Proposal(self._ids.next("proposal"), self._clock.now_ns, terms, price, signal.id, reason)

    def _refuse_short(self, signal: Signal) -> Refusal:
        return self._refuse(signal, "short_not_possible", 1, 0, "spot holdings cannot be negative")

    def _refuse_below(self, signal: Signal, value: float, least: float, what: str) -> Refusal:
        return self._refuse(signal, "below_minimum", value, least, f"{what} of one order", sign=-1)

    def _refuse(
        self, signal: Signal, code: str, value: float, limit: float, detail: str = "", sign: int = 1
    ) -> Refusal:
        """``sign`` is -1 where the limit is a least: headroom is negative if it is missed."""
        headroom = (float(limit) - float(value)) * sign
        return Refusal(
            self._clock.now_ns, signal.id, signal.strategy, signal.symbol, code,
            float(value), float(limit), headroom, detail,
        )  # fmt: skip


def _protects(stop: Decimal, price: float, direction: Direction) -> bool:
    """Whether a stop lies on the losing side of the market."""
    return stop > 0 and (float(stop) - price) * direction.sign < 0
