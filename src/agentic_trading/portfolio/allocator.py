"""From a wanted position to proposals: open, close, reverse, or move the stop; one step at a time."""

from collections.abc import Iterable, Mapping

import msgspec

from agentic_trading.core.enums import POSTURES, Direction, ExecutionStyle, Posture
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
from agentic_trading.core.interfaces import (
    Clock,
    MarksView,
    OpenOrder,
    Reacting,
    Reactions,
    SettledView,
    SubPosition,
    WorkingView,
    direction_of,
)
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO
from agentic_trading.portfolio.closing import Closing
from agentic_trading.portfolio.opening import (
    Allotment,
    Opening,
    Pairs,
    loses,
    refuse,
    refuse_short,
)
from agentic_trading.portfolio.settings import ExecutionSettings
from agentic_trading.portfolio.styles import EntryStyles

# Names of their own: enums look their members up slowly.
FLAT, SHORT, BETWEEN = Direction.FLAT, Direction.SHORT, Posture.BETWEEN
MARKET = ExecutionStyle.MARKET
AT_MARKET = ExecutionSettings()
"""Every entry at once, at market."""
_NETTED = "reduce_only"
"""How the venue's reason begins when the account had nothing to reduce for this strategy."""
_LOOK_AGAIN = ("replaced_order_is_done", "filled")
"""How an exit ends that was short because the stop it was to replace had ended, or had less, when it came."""


class Allocator(Reacting):
    """Agent ``sizing``: turns admitted signals into proposals.

    It acts on the difference between the wanted position and where the strategy's own position is
    heading (settled plus working). If an order that points elsewhere is still working, it is cancelled
    and the signal waits for its end; a reversal closes first and opens when the close is done. An exit
    is pursued to its end, whatever became of its order. What is left of an entry when its signal's
    ``valid_for`` is over is cancelled. Each order that opened a part of the position has a bracket of its
    own at the venue; an exit, or a moved stop, is an order for each of them.
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
        execution: ExecutionSettings = AT_MARKET,
        *,
        hedged: bool = False,
    ) -> None:
        """``multiplier`` is the safe-mode factor on every size; ``hedged`` keeps long and short apart."""
        self._instruments = instruments
        self.pairs = Pairs(instruments, allotments, multiplier)
        self._held = settled.held
        self._working = working
        self._at_work = working.at_work
        self._bracketed = working.bracketed
        self._marks = marks
        self._clock = clock
        self._ids = ids
        self.opening = Opening(marks, clock, hedged=hedged)
        self.closing = Closing(instruments, working, hedged=hedged)
        self._styles = EntryStyles(execution, settled, working, marks, clock, ids)
        self._under_way = self._styles.under_way
        self._waiting: dict[tuple[str, str], Signal] = {}
        self._netted: dict[tuple[str, str], None] = {}
        self._again: dict[tuple[str, str], None] = {}
        self._deadline: dict[tuple[str, str], str] = {}

    @property
    def reactions(self) -> Reactions:
        return {
            SignalAdmitted: self._pursue,
            OrderClosed: self._after,
            Refusal: self._give_up,
            AlarmRang: self._ring,
        }

    def _give_up(self, refusal: Refusal) -> Iterable[Event]:
        key = (refusal.strategy, refusal.symbol)
        self._waiting.pop(key, None)
        self._styles.drop(key)
        return ()

    def _ring(self, event: AlarmRang) -> Iterable[Event]:
        expired = [key for key, alarm in self._deadline.items() if alarm == event.key]
        for key in expired:
            self._styles.drop(key)
        cancels = [cancel for key in expired for cancel in self._cancel_entry(key, "expired")]
        return cancels or self._styles.ring(event)

    def posture(self, strategy: str, symbol: str) -> Posture:
        """Whether the strategy is flat, holds a long or a short, or has something under way."""
        key = (strategy, symbol)
        if (self._at_work or self._waiting or self._under_way) and (
            key in self._at_work or key in self._waiting or key in self._under_way
        ):
            return BETWEEN
        held = self._held.get(key)
        return POSTURES[FLAT if held is None else held.direction]

    def heading(self, strategy: str, symbol: str) -> Direction:
        """The direction the position is on its way to: by a waiting signal, an entry under way, or orders."""
        key = (strategy, symbol)
        if key in self._waiting:
            return self._waiting[key].direction
        if key in self._under_way:
            return self._under_way[key].signal.direction
        held = self._held.get(key)
        if key not in self._at_work:
            return FLAT if held is None else held.direction
        buying, selling = self._working.pending(strategy, symbol)
        return direction_of((ZERO if held is None else held.quantity) + buying - selling)

    @property
    def is_idle(self) -> bool:
        """Whether no signal waits and no entry or exit is under way."""
        return not (self._waiting or self._under_way or self._netted or self._again)

    def changes(self, strategy: str, signal: Signal) -> bool:
        """Whether a strategy's signal wants anything that is not already so or on its way."""
        if self._at_work or self._waiting or self._under_way:
            heading = self.heading(strategy, signal.symbol)
        else:
            held = self._held.get((strategy, signal.symbol))
            heading = FLAT if held is None else held.direction
        if heading is not signal.direction:
            return True
        if heading is FLAT or signal.stop is None:
            return False
        if self.posture(strategy, signal.symbol) is BETWEEN:
            return False
        return self.closing.new_stop(strategy, signal) is not None

    def _after(self, done: OrderClosed) -> list[Event]:
        """An order is done: go on with the signal that waited for it, the entry, or an unfinished exit."""
        terms = done.terms
        whole = done.filled >= terms.quantity and done.reason == "filled"
        if whole and not (self._waiting or self._under_way or self._netted or self._again):
            return []  # nearly always
        key = (terms.strategy, terms.symbol)
        if terms.closing and terms.price is None:  # a target that lapses leaves the position to its stop
            if done.reason.startswith(_NETTED):
                self._netted[key] = None
            elif terms.stop_price is None and done.filled < terms.quantity and done.reason in _LOOK_AGAIN:
                self._again[key] = None
        waiting = self._waiting.pop(key, None)
        unfinished = key in self._netted or key in self._again
        if waiting is None and not unfinished:
            return self._styles.closed(done) if key in self._under_way else []
        held = self._held.get(key)
        if held is None:
            self._netted.pop(key, None)
            self._again.pop(key, None)
        if waiting is not None and self._expired(waiting):
            waiting = self._without_entry(waiting, FLAT if held is None else held.direction)
        if waiting is not None:
            return self._pursue(SignalAdmitted(waiting))
        if held is None or not unfinished or key in self._at_work:
            return self._styles.closed(done)
        loose = self._working.loose_targets(*key)  # targets that an exit would leave behind: they go first
        return self._cancel(loose, "signal_changed") or self._exit(key, held, done.order_id, "exit_again")

    def _pursue(self, admitted: SignalAdmitted) -> list[Event]:
        signal = admitted.signal
        key = (signal.strategy, signal.symbol)
        if self._under_way:
            self._styles.drop(key)
        if key in self._at_work:
            self._waiting[key] = signal
            return self._cancel_entry(key, "signal_changed")
        if self._waiting:
            self._waiting.pop(key, None)
        held, direction = self._held.get(key), signal.direction
        if held is None:
            return [] if direction is FLAT else self._enter(key, signal)
        if held.direction is direction and key not in self._netted:
            return self._move_stops(key, signal, held)
        if key in self._bracketed and (loose := self._working.loose_targets(*key)):
            self._waiting[key] = signal
            return self._cancel(loose, "signal_changed")
        steps = self._exit(key, held, signal.id, "signal")
        if direction is SHORT and not self._instruments[signal.symbol].can_short:
            steps.append(refuse_short(signal, self._clock.now_ns))
        elif direction is not FLAT:
            self._waiting[key] = signal
        return steps

    def _exit(self, key: tuple[str, str], held: SubPosition, cause: str, reason: str) -> list[Event]:
        """Close the whole position at market, part by part; the bracket of each part goes with it.

        On a one-way perpetual two strategies may hold opposite positions that net; the venue then
        refuses to reduce for one of them. After such a refusal the exit goes without the flag.
        """
        netted = False
        if self._netted or self._again:
            netted = key in self._netted
            self._netted.pop(key, None)
            self._again.pop(key, None)
        orders = self.closing.terms(key, held, None, reduce_only=not netted)
        return self._propose(orders, self._marks.price(key[1]), cause, reason)

    def _cancel_entry(self, key: tuple[str, str], reason: str) -> list[Event]:
        orders = self._working.working(*key)
        return self._cancel([order for order in orders if not order.terms.closing], reason)

    def _cancel(self, orders: Iterable[OpenOrder], reason: str) -> list[Event]:
        return [
            CancelOrder(order.order_id, self._clock.now_ns, order.terms.symbol, reason)
            for order in orders
            if not order.cancel_asked
        ]

    def _enter(self, key: tuple[str, str], signal: Signal) -> list[Event]:
        if self._deadline:
            self._deadline.pop(key, None)
        pair, price = self.pairs[key], self._marks.price(signal.symbol)
        terms = self.opening.terms(key, pair, signal, price, signal.volatility)
        if isinstance(terms, Refusal):
            return [terms]
        style = pair.allotment.style if signal.style is None else signal.style
        steps: list[Event]
        if style is MARKET:
            name = self._ids.next("proposal")
            steps = [Proposal(name, self._clock.now_ns, terms, price, signal.id, "entry")]
        else:
            steps = self._styles.begin(signal, pair, terms, style)
        if signal.valid_for:
            self._deadline[key] = f"valid_for {signal.id}"
            steps.append(Alarm(self._deadline[key], signal.at_ns + self._lifetime_ns(signal)))
        return steps

    def _move_stops(self, key: tuple[str, str], signal: Signal, held: SubPosition) -> list[Event]:
        """Replace the protective stops if the signal names another price; a signal without one keeps them."""
        price = None if signal.stop is None else self.closing.new_stop(signal.strategy, signal)
        if price is None:
            return []
        mark = self._marks.price(signal.symbol)
        if not loses(price, mark, signal.direction):
            now_ns, sign = self._clock.now_ns, signal.direction.sign
            return [refuse(signal, now_ns, "stop_on_wrong_side", float(price), mark, sign=sign)]
        orders = self.closing.terms(key, held, price)
        return self._propose(orders, mark, signal.id, "stop")

    def _without_entry(self, signal: Signal, have: Direction) -> Signal | None:
        """What an expired signal still wants: not an entry, but out of a position that points elsewhere."""
        if have is signal.direction:
            return None
        return msgspec.structs.replace(signal, direction=FLAT, stop=None)

    def _expired(self, signal: Signal) -> bool:
        if not signal.valid_for or signal.direction is FLAT:
            return False
        return self._clock.now_ns - signal.at_ns > self._lifetime_ns(signal)

    def _lifetime_ns(self, signal: Signal) -> int:
        return signal.valid_for * self.pairs[signal.strategy, signal.symbol].allotment.timeframe.ns

    def _propose(self, orders: list[OrderTerms], price: float, cause: str, reason: str) -> list[Event]:
        steps: list[Event] = []
        for terms in orders:
            name = self._ids.next("proposal")
            steps.append(Proposal(name, self._clock.now_ns, terms, price, cause, reason))
        return steps
