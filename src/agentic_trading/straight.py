"""Plain orders go straight through: decided, executed and booked at once, and told to the agents in batches.

The bus and its agents define what an order becomes. For the plainest orders, those at market without a
bracket, on spot, while nothing else is under way, all of that follows from a few numbers: whether the
strategy's wish is news, what sizing makes of it, whether risk has plenty of room, and what the venue makes
of the next candle. `StraightThrough` asks the agents for just these, by the very rules that they use, and
goes from such an order to the next. The events are made afterwards, many orders at a time; they, the
books and the record are the same to the bit. At the first thing that is not plain everybody is told
everything, and the bus goes on from there.
"""

from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec

from agentic_trading.agents import Agents
from agentic_trading.backtester.recorder import Recorder
from agentic_trading.backtester.skipping import EveryRow, Skipper
from agentic_trading.backtester.timeline import CandleReader, MarketRows
from agentic_trading.backtester.wake import NEVER, Watch
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import (
    Direction,
    ExecutionStyle,
    Liquidity,
    OrderStatus,
    Posture,
    Side,
    TradingState,
)
from agentic_trading.core.events import (
    FeatureVector,
    Fill,
    OrderAccepted,
    OrderClosed,
    OrderIntent,
    OrderTerms,
    Proposal,
    Signal,
    SubmitOrder,
)
from agentic_trading.core.models import plain
from agentic_trading.core.money import ZERO
from agentic_trading.execution.order import Order
from agentic_trading.inputs import Inputs
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.matching.engine import Execution
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.strategies.agent import StrategyFailed

# Names of their own: enums look their members up slowly.
FLAT, LONG, BUY, SELL, TAKER = Direction.FLAT, Direction.LONG, Side.BUY, Side.SELL, Liquidity.TAKER
STANDS = {FLAT: Posture.FLAT, LONG: Posture.LONG, Direction.SHORT: Posture.SHORT}
MARKET, ACTIVE, FILLED = ExecutionStyle.MARKET, TradingState.ACTIVE, OrderStatus.FILLED
_BATCH = 512
"""So many instants with orders are told at a time."""
_AHEAD = 4096
"""So many rows are asked about before they are marked."""


class _Lane:
    """One strategy on one symbol: whom to ask, where it stands, and its next trigger row."""

    __slots__ = (
        "answer", "direction", "following", "held", "key", "next", "position", "posture", "regimes",
        "stamped", "symbol", "vector", "volatility",
    )  # fmt: skip

    def __init__(self, agents: Agents, inputs: Inputs, watch: Watch) -> None:
        agent = agents.strategy(watch.strategy)
        self.key = watch.strategy, watch.symbol
        self.symbol = watch.symbol
        self.position = inputs.timeline.symbols.index(watch.symbol)
        self.following = watch.following
        self.answer, self.stamped, self.volatility = agent.answer, agent.stamped, agent.volatility
        self.vector = agents.features.reader((agent.timeframe, watch.symbol))
        self.regimes = agents.gate.allowed(watch.strategy)
        self.stand(ZERO, FLAT)

    def stand(self, held: Decimal, direction: Direction) -> None:
        """From now on so much is held; the next trigger row is to be looked for again."""
        self.held, self.direction, self.posture = held, direction, STANDS[direction]
        self.next = -1


class _Order(msgspec.Struct, frozen=True, eq=False):
    """A plain order as it was decided: by whom, on which wish, at which mark."""

    lane: _Lane
    signal: Signal
    vector: FeatureVector
    terms: OrderTerms
    price: float


class _Instant(msgspec.Struct, frozen=True, eq=False):
    """The orders of one close, and what the next candle made of those it executed, in that order."""

    at_ns: int
    row: int
    orders: Sequence[_Order]
    executed: Sequence[tuple[int, str, Execution]]


class StraightThrough:
    """Carries plain orders from signal to books, row by row, until something is not plain."""

    def __init__(
        self,
        inputs: Inputs,
        agents: Agents,
        venue: SimulatedVenue,
        market: MarketRows,
        skipper: Skipper | EveryRow,
        recorder: Recorder,
        clock: ReplayClock,
        watches: Sequence[Watch],
    ) -> None:
        self._agents = agents
        self._venue = venue
        self._market = market
        self._skipper = skipper
        self._record = recorder.tap[1]
        self._clock = clock
        self._times = plain(inputs.timeline.close_ns)
        self._closes = [plain(closes) for closes in market.closes]
        self._ledger, self._entries = agents.ledger.reactions[Fill], agents.entries.reactions[Fill]
        self._plenty = agents.risk.plenty_beside
        self._candles = CandleReader(inputs.timeline)
        rank = {each.settings.strategy_id: number for number, each in enumerate(inputs.contenders)}
        frames = {each.settings.strategy_id: each.timeframe.ns for each in inputs.contenders}
        ranked = sorted(watches, key=lambda each: (frames[each.strategy], each.symbol, rank[each.strategy]))
        self._lanes = [_Lane(agents, inputs, watch) for watch in ranked]
        self._barred = bytes(market.day_edges.astype(bool)) + b"\1"
        """Rows at which a day begins, and the end: the bus must look at them, if somebody does."""
        self._gaps = [*sorted(inputs.timeline.gaps), len(inputs.timeline)]
        self._every = isinstance(skipper, EveryRow)
        self._quote = agents.quote
        self._cash = ZERO
        self._net: list[Decimal] = []
        self._untold: list[_Instant] = []
        self._unmarked = 0
        self._asked = -1
        """The row about which somebody is asked; while the bus goes on, none."""
        self._limit_hit = False
        agents.untold = self._catch_up
        self.rows_looked_at = 0
        self.orders = 0
        """How many orders went straight through."""

    def run(
        self, row: int, passed: bool, alarm_ns: int, progress: Callable[[int], None]
    ) -> tuple[int, bool, bool]:
        """Go on from a row as long as everything is plain.

        ``passed`` says that the venue's part of the row is done. Returns the row at which the bus goes on,
        the same of it, and whether it is marked and the core must look at it now. ``progress`` is told the
        row now and then.
        """
        if alarm_ns != NEVER or not self._is_quiet():
            return row, passed, False
        self._take_up(row)
        first, passed_row = row, row if passed else -1
        while True:
            at, orders = self._ask_from(row)
            if orders is None and at < self._unmarked:
                leave, marked = at, True  # somebody wants what is not plain
                break
            if not orders or not self._mark(at + 1):
                self._mark(at)
                leave, marked = self._unmarked, False  # or a limit on losses comes first
                break
            if self._barred[at + 1]:
                leave, marked = at, True
                break
            row = at + 1
            if not self._execute(orders, row):
                leave, marked = row, False
                break
            passed_row = row
            if len(self._untold) >= _BATCH:
                self.tell()
                progress(row)
        self.tell()
        self._asked = -1
        self._clock.now_ns = min(self._clock.now_ns, self._times[leave - 1])  # it may have been asked ahead
        self.rows_looked_at += leave - first if self._every else 0
        return leave, marked or leave == passed_row, marked

    def _is_quiet(self) -> bool:
        """Whether nothing at all is under way."""
        agents, waits = self._agents, self._venue.waits()
        return (
            waits.arrival_ns is None
            and not waits.levels
            and agents.breakers.state is ACTIVE
            and agents.orders.is_idle
            and agents.sizing.is_idle
        )

    def _take_up(self, row: int) -> None:
        """Read from the agents where everything stands."""
        ledger = self._agents.ledger
        while self._gaps[0] < row:
            del self._gaps[0]
        for lane in self._lanes:
            book = ledger.position(*lane.key)
            lane.stand(book.quantity, book.direction)
        self._cash = ledger.balance(self._quote)
        self._net = [ledger.net_quantity(symbol) for symbol in self._market.timeline.symbols]
        self._unmarked, self._limit_hit = row, False

    # --- who wants what -----------------------------------------------------------------------

    def _ask_from(self, row: int) -> tuple[int, list[_Order] | None]:
        """Ask the strategies, row by row, until somebody wants something new.

        Gives that row and the orders it comes to, or None if not all of it is plain. No orders at all: the
        bus must look at that row.
        """
        lanes, times, barred, end, clock = self._lanes, self._times, self._barred, self._gaps[0], self._clock
        while True:
            at = end
            for lane in lanes:
                if lane.next < row:
                    lane.next = lane.following(lane.posture, row)
                if lane.next < at:
                    at = lane.next
            if at >= end or barred[at]:
                return at, []
            at_ns = times[at]
            clock.now_ns = at_ns
            self._asked = at
            orders: list[_Order] = []
            for lane in lanes:
                if lane.next != at:
                    continue
                vector = lane.vector(at_ns, ())
                if vector is None:
                    continue
                try:
                    signal = lane.answer(vector)
                except StrategyFailed:
                    if self._mark(at):
                        raise
                    return at, None  # perhaps the run does not come so far
                if signal is None:
                    continue
                direction = lane.direction
                if signal.direction is direction and (signal.stop is None or direction is FLAT):
                    continue  # it has that already
                order = self._order(lane, signal, vector, at, orders) if self._mark(at + 1) else None
                if order is None:
                    return at, None
                orders.append(order)
            if self._limit_hit:
                return at, None
            if not self._every:
                self.rows_looked_at += 1
            if orders:
                return at, orders
            row = at + 1
            if row - self._unmarked >= _AHEAD and not self._mark(row):
                return at, None

    def _mark(self, stop: int) -> bool:
        """Mark the rows before ``stop`` that are not yet; False if in one of them a loss limit is hit."""
        if self._unmarked < stop:
            self._unmarked = self._skipper.mark(self._unmarked, stop)
            self._limit_hit = self._unmarked < stop
        return not self._limit_hit

    def _catch_up(self) -> None:
        """A strategy that is asked wants to know how things stand."""
        self.tell()
        self._mark(self._asked + 1)

    def _order(
        self, lane: _Lane, signal: Signal, vector: FeatureVector, row: int, others: Sequence[_Order]
    ) -> _Order | None:
        """The one order that a wish comes to; None if it is not plain, or might be refused."""
        if (
            signal.stop is not None
            or signal.targets
            or signal.valid_for
            or signal.style not in (None, MARKET)
        ):
            return None
        opens = lane.direction is FLAT
        if opens is (signal.direction is FLAT):
            return None  # a reversal is two orders
        if others and any(other.lane.symbol == lane.symbol for other in others):
            return None  # two on one symbol meet at the venue
        if opens and lane.regimes is not None and vector.regime not in lane.regimes:
            return None
        price = self._closes[lane.position][row]
        terms = self._agents.sizing.plain_terms(
            lane.key, signal, lane.held, price, lane.volatility(vector) if opens else None
        )
        if terms is None or (opens and not self._has_room(terms, lane.symbol, price, row, others)):
            return None
        return _Order(lane, signal, vector, terms, price)

    def _has_room(
        self, terms: OrderTerms, symbol: str, price: float, row: int, others: Sequence[_Order]
    ) -> bool:
        on_symbol = on_all = 0.0
        for lane in self._lanes:
            if lane.held:
                notional = float(lane.held) * self._closes[lane.position][row]
                on_all += notional
                if lane.symbol == symbol:
                    on_symbol += notional
        for other in others:
            if not other.terms.closing:
                on_all += float(other.terms.quantity) * other.price
        return self._plenty(float(terms.quantity) * price, on_symbol, on_all)

    # --- what becomes of it -------------------------------------------------------------------

    def _execute(self, orders: Sequence[_Order], row: int) -> bool:
        """Let orders meet the candles of a row, in the venue's order; False if the venue must have some."""
        numbers: Sequence[int] = range(len(orders))
        if len(orders) > 1:
            numbers = sorted(numbers, key=lambda number: orders[number].lane.position)
        at_ns = self._times[row - 1]
        executed: list[tuple[int, str, Execution]] = []
        for number in numbers:
            terms, lane = orders[number].terms, orders[number].lane
            candles = self._candles.of((lane.symbol,), row)
            fill = self._venue.alone(terms, at_ns, candles[0]) if candles else None
            if fill is None or not self._book(lane, terms, fill):
                break
            executed.append((number, self._venue.book_alone(terms, fill), fill))
        self.orders += len(executed)
        self._untold.append(_Instant(at_ns, row, orders, executed))
        return len(executed) == len(orders)

    def _book(self, lane: _Lane, terms: OrderTerms, fill: Execution) -> bool:
        """Take an execution into account; False if it cannot be paid."""
        traded = terms.quantity if terms.side is BUY else -terms.quantity
        cash = self._cash - traded * fill.price - fill.fee
        if cash < ZERO:
            return False
        net = self._net[lane.position] + traded
        self._cash, self._net[lane.position] = cash, net
        if terms.closing:
            lane.stand(ZERO, FLAT)
        else:
            lane.stand(traded, LONG)
        self._agents.equity.settle(lane.position, float(net), float(cash))
        return True

    # --- what the agents, the record and the venue are told -----------------------------------

    def tell(self) -> None:
        """Tell everybody what has gone straight through, in the order in which the bus would have."""
        if not self._untold:
            return
        for instant in self._untold:
            self._tell(instant)
        self._untold.clear()
        self._agents.equity.refresh()  # or the next mark would, and forget what is settled until then
        self._agents.entries.unseen(self._market, self._unmarked)
        self._skipper.ask_again()

    def _tell(self, instant: _Instant) -> None:
        at_ns, row, orders, executed = instant.at_ns, instant.row, instant.orders, instant.executed
        record, ids = self._record, self._agents.ids
        signals = [order.lane.stamped(order.signal, order.vector) for order in orders]
        proposals = [
            Proposal(
                ids.next("proposal"), at_ns, order.terms, order.price, signal.id,
                "signal" if order.terms.closing else "entry",
            )
            for order, signal in zip(orders, signals, strict=True)
        ]  # fmt: skip
        intents = [
            OrderIntent(ids.order(), at_ns, each.terms, each.id, each.cause, each.reason)
            for each in proposals
        ]
        for event in (*signals, *proposals, *intents):
            record(event)
        traded = {number: (trade_id, fill) for number, trade_id, fill in executed}
        for number, intent in enumerate(intents):
            if number in traded:
                self._note(intent, *traded[number])
            else:
                self._agents.orders.react(intent)
                self._venue.send(SubmitOrder(intent.order_id, at_ns, intent.terms))
        for number, trade_id, fill in executed:
            self._tell_fill(intents[number], trade_id, fill, row)

    def _note(self, intent: OrderIntent, trade_id: str, fill: Execution) -> None:
        terms = intent.terms
        quantity, arrived_ns = terms.quantity, fill.at_ns
        order = Order(
            intent.order_id, terms, quantity, intent.at_ns, intent.cause, intent.reason, "", FILLED, quantity,
            quantity * fill.price, arrived_ns, arrived_ns, "filled",
        )  # fmt: skip
        self._agents.orders.note(order, trade_id)

    def _tell_fill(self, intent: OrderIntent, trade_id: str, executed: Execution, row: int) -> None:
        order_id, terms, agents, record = intent.order_id, intent.terms, self._agents, self._record
        at_ns = executed.at_ns
        fill = Fill(
            trade_id, order_id, terms.strategy, terms.symbol, terms.side, terms.quantity,
            executed.price, executed.fee, self._quote, TAKER, executed.reference, at_ns,
        )  # fmt: skip
        record(OrderAccepted(order_id, at_ns))
        record(fill)
        self._ledger(fill)
        agents.entries.unseen(self._market, row)
        self._entries(fill)
        record(OrderClosed(order_id, at_ns, terms, terms.quantity, "filled"))


def straight_through(
    inputs: Inputs,
    settings: AppSettings,
    agents: Agents,
    venue: SimulatedVenue,
    market: MarketRows,
    skipper: Skipper | EveryRow,
    recorder: Recorder,
    clock: ReplayClock,
    watches: Sequence[Watch],
) -> StraightThrough | None:
    """What carries plain orders straight through; None where no order of the run can be plain."""
    styles = {each.settings.style or settings.execution.style for each in inputs.contenders}
    remembers = any(each.strategy.Memory is not None for each in inputs.contenders)
    if remembers or styles != {MARKET} or inputs.prices.detail or not venue.knows_alone:
        return None
    return StraightThrough(inputs, agents, venue, market, skipper, recorder, clock, watches)
