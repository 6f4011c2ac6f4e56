"""From plain wishes to booked fills, stretch after stretch, until something is not plain."""

from collections.abc import Callable, Sequence

from agentic_trading.agents import Agents
from agentic_trading.backtester.recorder import Recorder
from agentic_trading.backtester.skipping import EveryRow, Skipper
from agentic_trading.backtester.timeline import CandleReader, MarketRows
from agentic_trading.backtester.wake import NEVER, Watch
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import ExecutionStyle, TradingState
from agentic_trading.core.models import plain
from agentic_trading.inputs import Inputs
from agentic_trading.settings import AppSettings
from agentic_trading.simulation.venue import SimulatedVenue
from agentic_trading.straight.asking import Asker
from agentic_trading.straight.booking import Booking
from agentic_trading.straight.carrying import Carrier, is_whole
from agentic_trading.straight.lane import Lane, PlainOrder
from agentic_trading.strategies.agent import StrategyFailed

ACTIVE = TradingState.ACTIVE  # a name of its own: enums look their members up slowly
_STRETCH = 128
"""So many orders are asked for before they are carried, if all goes well: few enough to lie in the cache."""


def may_be_plain(inputs: Inputs, settings: AppSettings, venue: SimulatedVenue) -> bool:
    """Whether any order of a run can be plain."""
    styles = {each.settings.style or settings.execution.style for each in inputs.contenders}
    remembers = any(each.strategy.Memory is not None for each in inputs.contenders)
    return (
        styles == {ExecutionStyle.MARKET}
        and not remembers
        and not inputs.prices.detail
        and venue.knows_alone
        and all(is_whole(rules, venue.alone(name).taker_fee) for name, rules in inputs.instruments.items())
    )


Leave = tuple[int, bool]
"""Where the bus must go on, and whether that row is marked."""


class Diverged(Exception):
    """What was carried is not what the books say: a bug, and no result can be trusted."""


class StraightThrough:
    """Carries plain orders from signal to books, stretch by stretch, until something is not plain."""

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
        self._see = agents.entries.unseen
        self._clock = clock
        self._times = plain(inputs.timeline.close_ns)
        rank = {each.settings.strategy_id: number for number, each in enumerate(inputs.contenders)}
        frames = {each.settings.strategy_id: each.timeframe.ns for each in inputs.contenders}
        ranked = sorted(watches, key=lambda each: (frames[each.strategy], each.symbol, rank[each.strategy]))
        candles = CandleReader(inputs.timeline)
        self._lanes = [
            Lane(number, agents, venue, inputs, candles, watch) for number, watch in enumerate(ranked)
        ]
        self._asker = Asker(agents, self._lanes, market, sorted(inputs.timeline.gaps), clock)
        self._carrier = Carrier(agents, market, self._lanes, _STRETCH + len(self._lanes))
        self._booking = Booking(agents, market, recorder)
        self._every = isinstance(skipper, EveryRow)
        self._waiting: list[PlainOrder] = []
        """The orders that are not carried yet, in the order in which they were decided."""
        self._stretch = 1
        """After so many orders they are carried: where much is not plain, little is asked in vain."""
        self._unmarked = 0
        self._passed = -1
        """The last row in which something was executed."""
        self._left: Leave | None = None
        """Where the bus must go on, if that came out while somebody was asked."""
        self.hopeless = False
        """Whether it need not be asked any more: nobody's orders are plain."""
        self._unreported = 0
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
        if alarm_ns != NEVER or not self._is_quiet():
            return row, passed, False
        self._asker.take_up(row)
        if not self._carrier.take_up():
            return row, passed, False
        self._progress = progress
        self._unmarked, self._passed, self._left = row, row if passed else -1, None
        self._waiting.clear()
        self._agents.catch_up.ask = self._catch_up
        leave, marked = self._go(row)
        self._agents.catch_up.rest()
        self.hopeless = not any(lane.is_plain for lane in self._lanes)
        self._see(self._market, self._unmarked)
        self._skipper.resume(self._unmarked)
        self._clock.now_ns = min(self._clock.now_ns, self._times[leave - 1])  # it may have been asked ahead
        if self._every:
            self.rows_looked_at += leave - row
        else:
            self.rows_looked_at += sum(asked < leave for asked in self._asker.ahead)
        return leave, marked or leave == self._passed, marked

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

    def _go(self, row: int) -> Leave:
        """Ask and carry from a row on, as long as that goes."""
        asker, waiting = self._asker, self._waiting
        try:
            for at, orders in asker.wishes(row):
                if self._left is not None:
                    return self._left
                if orders is None:
                    return self._carry(at + 1) or (at, True)
                if orders:
                    waiting += orders
                    if len(waiting) < self._stretch:
                        continue
                    self._stretch = min(2 * self._stretch, _STRETCH)
                else:
                    self._progress(self._unmarked)
                left = self._carry(at + 1)
                if left is not None:
                    return left
        except StrategyFailed:
            left = self._left or self._carry(asker.at)
            if left is None:
                raise
            return left  # the run does not come so far
        return self._carry(asker.at) or (asker.at, False)

    def _carry(self, stop: int) -> Leave | None:
        """Carry what waits and mark the rows before ``stop``; else where the bus must go on."""
        if stop <= self._unmarked and not self._waiting:
            return None
        waiting = self._waiting
        self._unmarked, carried = self._carrier.carry(waiting, self._unmarked, stop)
        if carried:
            done = waiting[:carried]
            self._booking.book(done, self._carrier.wanted[:carried].tolist())
            self._passed = done[-1].row + 1
            self._confirm(carried)
        refused = carried < len(waiting) and waiting[carried].row < self._unmarked
        if refused or self._unmarked < stop:
            self._stretch = max(1, self._stretch // 2)
            return (self._unmarked - 1, True) if refused else (self._unmarked, False)
        waiting.clear()
        self.rows_looked_at += 0 if self._every else len(self._asker.ahead)
        self._asker.ahead.clear()
        return None

    def _confirm(self, carried: int) -> None:
        """The books have what was carried, and must come to the same."""
        if float(self._agents.ledger.balance(self._agents.quote)) != self._carrier.cash:
            raise Diverged(f"cash after row {self._unmarked} is not {self._carrier.cash}, as was carried")
        self.orders += carried
        self._unreported += carried
        if self._unreported >= _STRETCH:
            self._unreported = 0
            self._progress(self._unmarked)

    def _catch_up(self) -> None:
        """A strategy that is asked wants to know what it holds, what the account is worth, or since when."""
        if self._left is None:
            self._left = self._carry(self._asker.at + 1)
            self._asker.halted = self._left is not None
            self._see(self._market, self._unmarked)
