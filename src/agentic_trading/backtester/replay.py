"""Replayed time: history goes, instant by instant, through the same bus and agents as a live session.

The order within one instant is fixed: reports of the venue, then funding, then the candles, then
alarms, then the day boundary. Commands leave after all of it and reach the venue with its latency.
"""

from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Protocol

import msgspec

from agentic_trading.backtester.skipping import Skipper
from agentic_trading.backtester.timeline import CandleReader, Timeline
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import DAY_NS
from agentic_trading.core.events import Alarm, AlarmRang, Bankrupt, CandlesClosed, DayStarted, Event, GapFound
from agentic_trading.core.models import Candle


class Bus(Protocol):
    """Delivers one external event and all it causes; returns the commands."""

    def step(self, event: Event) -> list[Event]: ...


class Venue(Protocol):
    """The venue as replayed time drives it."""

    def send(self, command: Event) -> None: ...

    def pass_candles(self, candles: Iterable[Candle]) -> list[Event]: ...

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Event | None: ...


class FundingStamp(msgspec.Struct, frozen=True):
    """A funding rate at its stamp; ``mark`` is None where only the last close can stand in for it."""

    at_ns: int
    symbol: str
    rate: float
    mark: float | None


class Replay:
    """Drives a bus and a venue over a timeline; listens to alarms and to bankruptcy."""

    def __init__(
        self,
        timeline: Timeline,
        clock: ReplayClock,
        venue: Venue,
        funding: Sequence[FundingStamp] = (),
        skipper: Skipper | None = None,
    ) -> None:
        """``funding`` is sorted by time, then symbol. Without a skipper every row is looked at."""
        self._timeline = timeline
        self._clock = clock
        self._venue = venue
        self._funding = list(reversed(funding))
        self._alarms: list[tuple[int, int, str]] = []
        self._asked = 0
        self._skipper = skipper
        self.bankrupt = False
        self.rows_looked_at = 0

    @property
    def tap(self) -> tuple[tuple[type[Event], ...], Callable[[int, int, Event], None]]:
        """What the bus must tell it: alarms that agents ask for, and the end of the money."""
        return (Alarm, Bankrupt), self._hear

    def run(self, bus: Bus, first: int, progress: Callable[[int], None] = lambda rows: None) -> None:
        """Replay the timeline from row ``first`` to its end, or to bankruptcy.

        ``progress`` is called now and then with the number of rows done.
        """
        reader = CandleReader(self._timeline)
        closes = self._timeline.close_ns.tolist()
        self._drop_funding_before(closes[first] - self._timeline.timeframe.ns if first < len(closes) else 0)
        row = first
        while (row := self._next(row)) < len(closes):
            at_ns = closes[row]
            before_ns = closes[row - 1] if row > first else at_ns - self._timeline.timeframe.ns
            self._look(bus, row, at_ns, before_ns, reader.at(row))
            row += 1
            if not self.rows_looked_at & 1023:
                progress(row - first)
            if self.bankrupt:
                break
        progress(len(closes) - first)

    def _next(self, row: int) -> int:
        return row if self._skipper is None else self._skipper.advance(row, self._due)

    def _due(self, holding: bool) -> int | None:
        """When the next alarm rings or, while something is held, the next funding is settled."""
        times = [self._alarms[0][0]] if self._alarms else []
        if holding and self._funding:
            times.append(self._funding[-1].at_ns)
        return min(times, default=None)

    def _look(self, bus: Bus, row: int, at_ns: int, before_ns: int, candles: tuple[Candle, ...]) -> None:
        self._clock.advance(at_ns)
        self._fund_until(bus, at_ns - self._timeline.timeframe.ns)  # stamps that fell into a hole
        day = (at_ns - 1) // DAY_NS
        if day > before_ns // DAY_NS:  # so did the boundary
            self._deliver(bus, DayStarted(day * DAY_NS))
        self._instant(bus, row, at_ns, candles)
        if at_ns % DAY_NS == 0:
            self._deliver(bus, DayStarted(at_ns))
        self.rows_looked_at += 1

    def _instant(self, bus: Bus, row: int, at_ns: int, candles: tuple[Candle, ...]) -> None:
        for report in self._venue.pass_candles(candles):
            self._deliver(bus, report)
        self._fund_until(bus, at_ns)
        self._deliver(bus, CandlesClosed(at_ns, candles))
        for gap in self._timeline.gaps.get(row, ()):
            self._deliver(bus, GapFound(at_ns, gap.symbol, gap.missing))
        while self._alarms and self._alarms[0][0] <= at_ns:
            due_ns, _, key = heappop(self._alarms)
            self._deliver(bus, AlarmRang(key, due_ns))

    def _deliver(self, bus: Bus, event: Event) -> None:
        for command in bus.step(event):
            self._venue.send(command)

    def _fund_until(self, bus: Bus, at_ns: int) -> None:
        while self._funding and self._funding[-1].at_ns <= at_ns:
            self._fund(bus, self._funding.pop(), at_ns)

    def _fund(self, bus: Bus, stamp: FundingStamp, known_ns: int) -> None:
        mark = stamp.mark if stamp.mark is not None else self._timeline.last_close(stamp.symbol, known_ns)
        if mark is None:
            return
        paid = self._venue.fund(stamp.symbol, stamp.at_ns, stamp.rate, mark)
        if paid is not None:
            self._deliver(bus, paid)

    def _drop_funding_before(self, start_ns: int) -> None:
        while self._funding and self._funding[-1].at_ns <= start_ns:
            self._funding.pop()

    def _hear(self, number: int, cause: int, event: Event) -> None:
        if isinstance(event, Alarm):
            self._asked += 1
            heappush(self._alarms, (event.at_ns, self._asked, event.key))
        else:
            self.bankrupt = True
