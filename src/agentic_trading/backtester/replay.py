"""Replayed time: history goes, instant by instant, through the same bus and agents as a live session.

The order within one instant is fixed: reports of the venue, then funding, then the candles, then
alarms, then the day boundary. Commands leave after all of it and reach the venue with its latency.
So an instant has two parts, the venue's and the core's, and next-event replay may need only the first.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heappop, heappush
from typing import Any, Protocol

import msgspec

from agentic_trading.backtester.skipping import EveryRow, Skipper
from agentic_trading.backtester.timeline import CandleReader, DetailReader, Timeline
from agentic_trading.backtester.wake import NEVER
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import DAY_NS
from agentic_trading.core.equity import DAY_AFTER, DAY_BEFORE
from agentic_trading.core.events import Alarm, AlarmRang, Bankrupt, CandlesClosed, DayStarted, Event, GapFound
from agentic_trading.core.models import Candle, CandleColumns, plain


class Bus(Protocol):
    """Delivers one external event and all it causes; returns the commands."""

    def step(self, event: Event) -> list[Event]: ...


class Venue(Protocol):
    """The venue as replayed time drives it."""

    @property
    def busy(self) -> Sequence[str]:
        """Symbols on which an order travels or rests: only their candles matter."""
        ...

    def send(self, command: Event) -> None: ...

    def pass_candles(self, candles: Iterable[Candle], now_ns: int) -> list[Event]: ...

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Event | None: ...


class FundingStamp(msgspec.Struct, frozen=True):
    """A funding rate at its stamp; ``mark`` is None where only the last close can stand in for it."""

    at_ns: int
    symbol: str
    rate: float
    mark: float | None


class StraightThrough(Protocol):
    """Carries plain orders without the bus."""

    def run(
        self, row: int, passed: bool, alarm_ns: int, progress: Callable[[int], None]
    ) -> tuple[int, bool, bool]:
        """Go on from a row; returns where the bus goes on, whether the venue has passed it, and whether
        the row is marked and the core must look at it now. ``progress`` is told the row now and then."""
        ...

    @property
    def hopeless(self) -> bool:
        """Whether it need not be asked any more."""
        ...

    @property
    def rows_looked_at(self) -> int: ...


_NO_FUNDING = FundingStamp(NEVER, "", 0.0, None)


class Replay:
    """Drives a bus and a venue over a timeline; listens to alarms and to bankruptcy."""

    def __init__(
        self,
        timeline: Timeline,
        clock: ReplayClock,
        venue: Venue,
        funding: Sequence[FundingStamp] = (),
        skipper: Skipper | EveryRow | None = None,
        detail: Sequence[CandleColumns] = (),
        straight: StraightThrough | None = None,
    ) -> None:
        """``funding`` is sorted by time, then symbol. Without a skipper every row is looked at.

        ``straight`` is asked before the skipper, whether it can go on without the bus.

        ``detail`` are finer candles of some symbols: where there are any, they pass instead of a row's own.
        """
        self._timeline = timeline
        self._length = timeline.timeframe.ns
        self._gaps = timeline.gaps
        self._day_edges = plain(timeline.day_edges)
        self._clock = clock
        self._venue = venue
        self._funding = [_NO_FUNDING, *reversed(funding)]
        self._alarms = [(NEVER, 0, "")]
        self._asked = 0
        self._skipper = skipper
        self._straight = straight
        self._reader = CandleReader(timeline)
        self._detail = {columns.symbol: DetailReader(columns) for columns in detail}
        self._first = 0
        self.bankrupt = False
        self._looked_at = 0

    @property
    def taps(self) -> Sequence[tuple[tuple[type[Event], ...], Callable[[Any], object]]]:
        """What the bus must tell: alarms, the end of the money, and what moves a strategy's posture."""
        own = ((Alarm, Bankrupt), self._hear)
        return [own] if self._skipper is None else [own, *self._skipper.taps]

    @property
    def rows_looked_at(self) -> int:
        """Rows at which strategies were asked, or the core looked for another reason."""
        return self._looked_at + (0 if self._straight is None else self._straight.rows_looked_at)

    def run(self, bus: Bus, first: int, progress: Callable[[int], None] = lambda rows: None) -> None:
        """Replay the timeline from row ``first`` to its end, or to bankruptcy.

        ``progress`` is called now and then with the number of rows done.
        """
        times, count, skipper = plain(self._timeline.close_ns), len(self._timeline), self._skipper
        alarms, funding, advance_clock = self._alarms, self._funding, self._clock.advance
        if first < count:
            self._drop_funding_before(times[first] - self._length)
        row, passed, self._first = first, False, first
        straight = self._straight

        def report(row: int) -> None:
            progress(row - first)

        while not self.bankrupt:
            marked = False
            if straight is not None:
                row, passed, marked = straight.run(row, passed, alarms[0][0], report)
                if straight.hopeless:
                    straight = None
            if skipper is not None and not marked:
                row, passed = skipper.advance(row, passed, alarms[0][0], funding[-1].at_ns)
            if row >= count:
                break
            at_ns = times[row]
            advance_clock(at_ns)
            if not passed:
                passed = True
                if self._let_pass(bus, row, at_ns) and skipper is not None:
                    continue  # the core may stand elsewhere now, and not need this candle any more
            self._close(bus, row, at_ns)
            row, passed = row + 1, False
            if not self._looked_at & 255:
                report(row)
        progress(count - first)

    def _let_pass(self, bus: Bus, row: int, at_ns: int) -> bool:
        """The venue's part of an instant; returns whether it had anything to do."""
        stamped = self._funding[-1].at_ns <= at_ns
        moved = stamped and self._fund_until(bus, at_ns - self._length)  # stamps that fell into a hole
        if self._day_edges[row] & DAY_BEFORE and row > self._first:  # so did the boundary
            self._deliver(bus, DayStarted((at_ns - 1) // DAY_NS * DAY_NS))
        busy = self._venue.busy
        if busy:
            self._pass(bus, busy, row, at_ns)
            moved = True
        return (stamped and self._fund_until(bus, at_ns)) or moved

    def _pass(self, bus: Bus, symbols: Sequence[str], row: int, at_ns: int) -> None:
        """Let the candles of a row pass, finer ones where there are such: one call for each of their closes.

        What the venue reports is delivered after all of them: nobody decides inside a row.
        """
        candles = self._reader.of(symbols, row)
        if not self._detail:
            reports = self._venue.pass_candles(candles, at_ns)
        else:
            reports = []
            for close_ns, finer in _in_steps(candles, self._detail):
                reports += self._venue.pass_candles(finer, close_ns)
            if not candles:
                reports = self._venue.pass_candles((), at_ns)
        self._deliver(bus, *reports)

    def _close(self, bus: Bus, row: int, at_ns: int) -> None:
        """The core's part of an instant: it looks at the candles that closed."""
        symbols = self._timeline.symbols if self._skipper is None else self._skipper.look(row)
        for command in bus.step(CandlesClosed(at_ns, self._reader.of(symbols, row))):
            self._venue.send(command)
        if row in self._gaps:
            for gap in self._gaps[row]:
                self._deliver(bus, GapFound(at_ns, gap.symbol, gap.missing))
        while self._alarms[0][0] <= at_ns:
            due_ns, _, key = heappop(self._alarms)
            self._deliver(bus, AlarmRang(key, due_ns))
        if self._day_edges[row] & DAY_AFTER:
            self._deliver(bus, DayStarted(at_ns))
        self._looked_at += 1

    def _deliver(self, bus: Bus, *events: Event) -> None:
        for event in events:
            for command in bus.step(event):
                self._venue.send(command)

    def _fund_until(self, bus: Bus, at_ns: int) -> bool:
        paid = False
        while self._funding[-1].at_ns <= at_ns:
            paid = self._fund(bus, self._funding.pop(), at_ns) or paid
        return paid

    def _fund(self, bus: Bus, stamp: FundingStamp, known_ns: int) -> bool:
        mark = stamp.mark if stamp.mark is not None else self._timeline.last_close(stamp.symbol, known_ns)
        if mark is None:
            return False
        paid = self._venue.fund(stamp.symbol, stamp.at_ns, stamp.rate, mark)
        if paid is not None:
            self._deliver(bus, paid)
        return paid is not None

    def _drop_funding_before(self, start_ns: int) -> None:
        while self._funding[-1].at_ns <= start_ns:
            self._funding.pop()

    def _hear(self, event: Alarm | Bankrupt) -> None:
        if isinstance(event, Alarm):
            self._asked += 1
            heappush(self._alarms, (event.at_ns, self._asked, event.key))
        else:
            self.bankrupt = True


def _in_steps(
    candles: Sequence[Candle], detail: Mapping[str, DetailReader]
) -> list[tuple[int, list[Candle]]]:
    """The finer candles that make up a row, by their closes, each instant in the order of the symbols."""
    steps: dict[int, list[Candle]] = {}
    for candle in candles:
        own = detail.get(candle.symbol)
        for each in (own.within(candle) if own is not None else None) or (candle,):
            steps.setdefault(each.close_ns, []).append(each)
    return sorted(steps.items(), key=_instant)


def _instant(step: tuple[int, list[Candle]]) -> int:
    return step[0]
