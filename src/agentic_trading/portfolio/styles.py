"""Entries that take more than one order: a passive limit with a fallback, or slices over time.

Each order is a proposal of its own and passes risk; each carries the whole bracket of stop and targets.
Everything is done at alarms, so that prices are those of the candle that has just closed.
"""

from decimal import Decimal

import msgspec

from agentic_trading.core.enums import ExecutionStyle, OrderType, Side
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    CancelOrder,
    Event,
    OrderClosed,
    OrderTerms,
    Proposal,
    Signal,
)
from agentic_trading.core.ids import IdSequence
from agentic_trading.core.interfaces import Clock, MarksView, SettledView, WorkingView
from agentic_trading.core.models import Instrument
from agentic_trading.core.money import ZERO, decimal_of, price_to_tick
from agentic_trading.portfolio.opening import Pair, objection
from agentic_trading.portfolio.settings import ExecutionSettings

_WOULD_TAKE = "post_only_would_take"
"""The venue's reason when a passive order would have taken."""
_TIMEOUT = "passive_timeout"

Key = tuple[str, str]


class _Plan:
    """An entry under way: what it is to become, and how much of it was sent and is filled or still works."""

    __slots__ = ("deadline_ns", "every_ns", "key", "pair", "sent", "signal", "slices", "terms")

    def __init__(self, key: str, signal: Signal, pair: Pair, terms: OrderTerms) -> None:
        self.key = key
        self.signal = signal
        self.pair = pair
        self.terms = terms
        self.sent = ZERO
        self.slices: list[Decimal] = []
        self.every_ns = 0
        self.deadline_ns = 0


class EntryStyles:
    """Carries out entries in the style that is wanted, one order after the other."""

    def __init__(
        self,
        settings: ExecutionSettings,
        settled: SettledView,
        working: WorkingView,
        marks: MarksView,
        clock: Clock,
        ids: IdSequence,
    ) -> None:
        self._settings = settings
        self._settled = settled
        self._working = working
        self._marks = marks
        self._clock = clock
        self._ids = ids
        self.under_way: dict[Key, _Plan] = {}
        """Entries of which not everything is sent and done, by (strategy, symbol)."""

    def drop(self, key: Key) -> None:
        """Send nothing more for an entry; what works is not touched."""
        self.under_way.pop(key, None)

    def begin(self, signal: Signal, pair: Pair, terms: OrderTerms, style: ExecutionStyle) -> list[Event]:
        """Open a position of these terms, which are those of a market order, in another style.

        The settings count in candles of the strategy's timeframe.
        """
        plan, candle_ns = _Plan(f"{style} {signal.id}", signal, pair, terms), pair.allotment.timeframe.ns
        self.under_way[signal.strategy, signal.symbol] = plan
        if style is ExecutionStyle.TWAP:
            plan.slices = self._slices(terms, pair.instrument)
            plan.every_ns = self._settings.twap_candles * candle_ns // len(plan.slices)
            return [Alarm(plan.key, self._clock.now_ns)]
        plan.deadline_ns = self._clock.now_ns + self._settings.passive_timeout_candles * candle_ns
        return [Alarm(plan.key, self._clock.now_ns), Alarm(plan.key, plan.deadline_ns)]

    def ring(self, event: AlarmRang) -> list[Event]:
        """Go on with the entry that asked for this alarm, if there still is one."""
        for key, plan in self.under_way.items():
            if plan.key == event.key:
                return self._next_slice(key, plan, event.at_ns) if plan.slices else self._wait(key, plan)
        return []

    def closed(self, done: OrderClosed) -> list[Event]:
        """An order is done: it may be a passive one whose rest must go on."""
        key = (done.terms.strategy, done.terms.symbol)
        plan = self.under_way.get(key)
        if plan is None or plan.slices or done.terms.closing:
            return []
        plan.sent -= done.terms.quantity - done.filled
        if done.reason not in (_WOULD_TAKE, _TIMEOUT):
            self.drop(key)
            return []
        return [Alarm(plan.key, self._clock.now_ns)]

    # --- slices over time -----------------------------------------------------------------

    def _slices(self, terms: OrderTerms, rules: Instrument) -> list[Decimal]:
        """The quantity in equal parts of whole lots, the larger ones first; none below the venue's least."""
        price = self._marks.price(terms.symbol)
        lots = int(terms.quantity // rules.lot)
        for count in range(min(self._settings.twap_slices, lots), 1, -1):
            each, more = divmod(lots, count)
            least = each * rules.lot
            if least >= rules.min_quantity and float(least) * price >= float(rules.min_notional):
                return [(each + 1) * rules.lot] * more + [least] * (count - more)
        return [terms.quantity]

    def _next_slice(self, key: Key, plan: _Plan, due_ns: int) -> list[Event]:
        if self._disturbed(key, plan):
            return []
        step = self._step(key, plan, msgspec.structs.replace(plan.terms, quantity=plan.slices.pop(0)))
        if not plan.slices:
            self.drop(key)
        if key not in self.under_way:
            return step
        return [*step, Alarm(plan.key, due_ns + plan.every_ns)]

    # --- a passive limit, and what becomes of its rest ------------------------------------

    def _wait(self, key: Key, plan: _Plan) -> list[Event]:
        """Post what is not posted, or take it back when the time is over; then the rest falls back."""
        late = self._clock.now_ns >= plan.deadline_ns
        orders = [order for order in self._working.working(*key) if not order.terms.closing]
        if orders:
            return self._take_back(key) if late else []
        if self._disturbed(key, plan):
            return []
        rest = msgspec.structs.replace(plan.terms, quantity=plan.terms.quantity - plan.sent)
        if late:
            step = [] if self._settings.fallback == "none" else self._step(key, plan, rest)
            self.drop(key)
            return step
        price = self._marks.price(key[1])
        posted = msgspec.structs.replace(
            rest,
            type=OrderType.LIMIT,
            price=self._limit(rest.side, price, plan.pair.instrument),
            post_only=True,
        )
        return self._step(key, plan, posted)

    def _take_back(self, key: Key) -> list[Event]:
        return [
            CancelOrder(order.order_id, self._clock.now_ns, key[1], _TIMEOUT)
            for order in self._working.working(*key)
            if not (order.terms.closing or order.cancel_asked)
        ]

    def _limit(self, side: Side, price: float, rules: Instrument) -> Decimal:
        """The last close, moved away from the market and rounded that way."""
        away = decimal_of(self._settings.passive_offset_bps).scaleb(-4) * -side.sign
        exact = decimal_of(price) * (1 + away)
        return price_to_tick(exact, rules.tick, up=side is Side.SELL)

    # --- every step -----------------------------------------------------------------------

    def _disturbed(self, key: Key, plan: _Plan) -> bool:
        """Whether something of what was sent was closed or refused meanwhile; then no more is sent."""
        pending = self._working.pending(*key)[0 if plan.terms.side is Side.BUY else 1]
        held = self._settled.position(*key).quantity * plan.terms.side.sign
        if held + pending == plan.sent:
            return False
        self.drop(key)
        return True

    def _step(self, key: Key, plan: _Plan, terms: OrderTerms) -> list[Event]:
        mark = self._marks.price(key[1])
        price = mark if terms.price is None else float(terms.price)
        against = objection(plan.signal, terms, plan.pair, price, self._clock.now_ns)
        if against is not None:
            self.drop(key)
            return [against]
        plan.sent += terms.quantity
        name = self._ids.next("proposal")
        return [Proposal(name, self._clock.now_ns, terms, mark, plan.signal.id, "entry")]
