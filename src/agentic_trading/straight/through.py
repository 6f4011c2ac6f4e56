"""From a plain wish to the booked fill, order after order, until something is not plain."""

from collections.abc import Callable, Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.recorder import Recorder
from agentic_trading.backtester.skipping import EveryRow, Skipper
from agentic_trading.backtester.timeline import CandleReader, MarketRows
from agentic_trading.backtester.wake import NEVER, Watch
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import POSTURES, Direction, ExecutionStyle, Side, TradingState
from agentic_trading.core.models import plain
from agentic_trading.core.money import ZERO
from agentic_trading.inputs import Inputs
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.matching.at_once import Execution
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.straight.booking import Booking, Done
from agentic_trading.straight.deciding import Decider
from agentic_trading.straight.lane import Lane, PlainOrder
from agentic_trading.strategies.agent import StrategyFailed

# Names of their own: enums look their members up slowly.
FLAT, LONG, BUY, ACTIVE = Direction.FLAT, Direction.LONG, Side.BUY, TradingState.ACTIVE
_BATCH = 128
"""After so many orders somebody is told how far it is: few enough for their records to lie in the cache."""
_AHEAD = 4096
"""So many rows are asked about before they are marked."""


def may_be_plain(inputs: Inputs, settings: AppSettings, venue: SimulatedVenue) -> bool:
    """Whether any order of a run can be plain."""
    styles = {each.settings.style or settings.execution.style for each in inputs.contenders}
    remembers = any(each.strategy.Memory is not None for each in inputs.contenders)
    return (
        styles == {ExecutionStyle.MARKET} and not remembers and not inputs.prices.detail and venue.knows_alone
    )


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
        self._mark_rows, self._see = agents.equity.skip, agents.entries.unseen
        self._breakers = agents.breakers
        self._clock = clock
        self._times = plain(inputs.timeline.close_ns)
        self._booking = Booking(agents, venue, market, recorder.tap[1])
        rank = {each.settings.strategy_id: number for number, each in enumerate(inputs.contenders)}
        frames = {each.settings.strategy_id: each.timeframe.ns for each in inputs.contenders}
        ranked = sorted(watches, key=lambda each: (frames[each.strategy], each.symbol, rank[each.strategy]))
        candles = CandleReader(inputs.timeline)
        self._lanes = [Lane(agents, venue, inputs, candles, watch) for watch in ranked]
        self._decide = Decider(agents, self._lanes, market).order
        self._day_edges = plain(market.day_edges)
        """Where a day begins, the bus must look at a row, if somebody does."""
        self._gaps = [*sorted(inputs.timeline.gaps), len(inputs.timeline)]
        self._every = isinstance(skipper, EveryRow)
        self._quote = agents.quote
        self._balances = agents.ledger.balances
        self._next: list[int] = []
        """The next trigger row of each lane; not known yet where it is below the row that is asked for."""
        self._unmarked = 0
        self._asked = 0
        """The row about which somebody is asked."""
        self._ahead: list[int] = []
        """The rows asked about that are not marked yet, or not counted."""
        self._limit_hit = self._hopeless = False
        self._progress: Callable[[int], object] = bool
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
        if self._hopeless or alarm_ns != NEVER or not self._is_quiet():
            return row, passed, False
        self._take_up(row)
        self._progress = progress
        self._agents.catch_up.ask = self._catch_up
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
            if at + 1 == len(self._times) or self._day_edges[at + 1]:
                leave, marked = at, True
                break
            row = at + 1
            self._ahead.append(at)
            if not self._execute(orders, row):
                leave, marked = row, False
                break
            passed_row = row
            if not self.orders % _BATCH:
                progress(row)
        self._hopeless = not any(lane.is_plain for lane in self._lanes)
        self._agents.catch_up.rest()
        self._see(self._market, self._unmarked)
        self._skipper.resume(self._unmarked)
        self._clock.now_ns = min(self._clock.now_ns, self._times[leave - 1])  # it may have been asked ahead
        if self._every:
            self.rows_looked_at += leave - first
        else:
            self.rows_looked_at += sum(asked < leave for asked in self._ahead)
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
        self._next = [-1] * len(self._lanes)
        self._unmarked, self._limit_hit = row, False
        self._ahead.clear()

    # --- who wants what -----------------------------------------------------------------------

    def _ask_from(self, row: int) -> tuple[int, list[PlainOrder] | None]:
        """Ask the strategies, row by row, until somebody wants something new.

        Gives that row and the orders it comes to, or None if not all of it is plain. No orders at all: the
        bus must look at that row.
        """
        lanes, rows, times, end = self._lanes, self._next, self._times, self._gaps[0]
        while True:
            while (at := min(rows)) < row:
                number = rows.index(at)
                rows[number] = lanes[number].following(POSTURES[lanes[number].direction], row)
            if at >= end or self._day_edges[at]:
                return min(at, end), []
            at_ns = times[at]
            self._clock.now_ns = at_ns
            self._asked, number = at, -1
            orders: list[PlainOrder] = []
            for _ in range(rows.count(at)):
                number = rows.index(at, number + 1)
                lane = lanes[number]
                if not lane.is_plain:
                    return at, None
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
                order = self._decide(lane, signal, vector, at, orders) if self._mark(at + 1) else None
                if order is None:
                    return at, None
                orders.append(order)
            if self._limit_hit:
                return at, None
            if orders:
                return at, orders
            self._ahead.append(at)
            row = at + 1
            if row - self._unmarked >= _AHEAD:
                if not self._mark(row):
                    return at, None
                self._progress(row)

    def _mark(self, stop: int) -> bool:
        """Mark the rows before ``stop`` that are not yet; False if in one of them a loss limit is hit."""
        if self._unmarked < stop:
            limits = self._breakers.limits
            self._unmarked = self._mark_rows(self._market, limits, self._unmarked, stop)
            self._limit_hit = self._unmarked < stop
            if not self._limit_hit:
                self.rows_looked_at += 0 if self._every else len(self._ahead)
                self._ahead.clear()
        return not self._limit_hit

    def _catch_up(self) -> None:
        """A strategy that is asked wants to know what the account is worth, or what came since its entry."""
        self._mark(self._asked + 1)
        self._see(self._market, self._unmarked)

    # --- what becomes of it -------------------------------------------------------------------

    def _execute(self, orders: list[PlainOrder], row: int) -> bool:
        """Let orders meet the candles of a row; False if the venue, and so the bus, must have some.

        They are decided and known in the order of the strategies, and executed in that of the venue.
        """
        at_ns, booking, known = self._times[row - 1], self._booking, len(orders)
        intents = booking.decided(orders, at_ns)
        done: list[Done | None] = [None] * known
        for number in (0,) if known == 1 else sorted(range(known), key=lambda at: orders[at].lane.column):
            order = orders[number]
            fill = self._reckon(order, at_ns, row)
            if fill is None:
                break
            done[number] = booking.executed(order, intents[number], fill, row)
            self._stand(order)
        for intent, end in zip(intents, done, strict=True):
            booking.known(intent, end)
        return None not in done

    def _reckon(self, order: PlainOrder, at_ns: int, row: int) -> Execution | None:
        """What an order gets from its candle in a row; None if not plainly all, or if it cannot be paid."""
        terms, lane = order.terms, order.lane
        candle = lane.candle(row)
        fill = None if candle is None else lane.alone.reckon(terms, at_ns, candle)
        if fill is None or terms.side is not BUY:
            return fill
        return fill if fill.notional + fill.fee <= self._balances[self._quote] else None

    def _stand(self, order: PlainOrder) -> None:
        self.orders += 1
        lane = order.lane
        if order.terms.closing:
            lane.stand(ZERO, FLAT)
        else:
            lane.stand(order.terms.quantity, LONG)
        self._next[self._lanes.index(lane)] = -1
