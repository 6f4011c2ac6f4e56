"""Next-event time advance: which row of the timeline must be looked at next, and marking those before.

A row is looked at if a strategy could act on it, if the venue could do something in it, if a limit on
losses is crossed at it, or if anything else is due. Every row in between is marked by the one equity
function, so the curve is complete; the rows that are looked at go through the same bus as ever. Looking
at more rows than needed changes nothing, so all conditions here are supersets.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import numpy as np

from agentic_trading.backtester.timeline import MarketRows, Timeline
from agentic_trading.backtester.wake import NEVER, Lookout, Watch
from agentic_trading.core.enums import Posture
from agentic_trading.core.events import Event, Fill, OrderClosed, OrderIntent, Refusal, SignalAdmitted
from agentic_trading.core.models import plain
from agentic_trading.simulation.resting import Waits

MOVING: tuple[type[Event], ...] = (SignalAdmitted, Refusal, OrderIntent, OrderClosed, Fill)
"""Events after which a strategy may stand elsewhere on a symbol."""


class SkippingVenue(Protocol):
    """The venue, as far as skipping must know it."""

    def waits(self) -> Waits: ...


class SkippingCore(Protocol):
    """The deciding core, as far as skipping must know it."""

    def posture(self, strategy: str, symbol: str) -> Posture: ...

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        """Mark rows that nobody looks at; returns the first that needs a look."""
        ...

    def attend(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Only these (strategy, symbol) need to look at the candles that come next."""
        ...

    @property
    def waits_for_day(self) -> bool: ...


class Skipper:
    """Finds the next row to look at and marks the rows before it."""

    def __init__(
        self, timeline: Timeline, watches: Sequence[Watch], core: SkippingCore, venue: SkippingVenue
    ) -> None:
        self._rows = len(timeline)
        self._market = MarketRows(timeline)
        self._times = plain(timeline.close_ns)
        self._pairs = [(watch.strategy, watch.symbol) for watch in watches]
        self._lookout = Lookout(watches, core.posture)
        self._core = core
        self._venue = venue
        self._gaps = sorted(timeline.gaps)
        self._edges: list[int] = np.flatnonzero(self._market.day_edges).tolist()

    def hear(self, event: Event) -> None:
        """Take note of one of the events of `MOVING`."""
        if type(event) is Fill or type(event) is Refusal:
            self._lookout.changed(event.strategy, event.symbol)
        elif type(event) is SignalAdmitted:
            self._lookout.changed(event.signal.strategy, event.signal.symbol)
        else:
            assert isinstance(event, OrderIntent | OrderClosed)
            self._lookout.changed(event.terms.strategy, event.terms.symbol)

    def advance(self, row: int, passed: bool, due: Callable[[bool], int | None]) -> int:
        """Mark from ``row`` on up to the next row that must be looked at, and return it.

        ``passed`` says that the venue has already let the candles of ``row`` pass; then only the core can
        need that row. ``due`` gives the time of the next alarm or, if asked for with True, funding stamp.
        Returns the length of the timeline if nothing is left to look at.
        """
        stop = self._lookout.next_row(row)
        if self._gaps:
            stop = min(stop, _following(self._gaps, row))
        if self._core.waits_for_day:
            stop = min(stop, _following(self._edges, row))
        stop = min(stop, self._rows)
        if stop > row:
            stop = self._until_venue(row + 1 if passed else row, stop)
        at_ns = due(self._venue.waits().holding)
        if at_ns is not None and stop > row:
            stop = min(stop, self._row_of(at_ns, row))
        return stop if stop == row else self._core.skip(self._market, row, stop)

    def attend(self, row: int) -> None:
        """Tell the core who looks at the candles of a row: those who could act on it."""
        self._lookout.next_row(row)
        self._core.attend([self._pairs[number] for number in self._lookout.acting(row)])

    def _until_venue(self, row: int, stop: int) -> int:
        """The first row in ``row..stop`` in which the venue could do something."""
        waits = self._venue.waits()
        if waits.at_market:
            return row
        if waits.arrival_ns is not None:
            stop = min(stop, self._row_of(waits.arrival_ns, row))
        return self._touched(waits.levels, row, stop) if waits.levels else stop

    def _touched(self, levels: Mapping[str, tuple[float, float]], row: int, stop: int) -> int:
        for symbol, (down, up) in levels.items():
            if stop <= row:
                break
            stop = self._market.first_touch(symbol, down, up, row, stop)
        return stop

    def _row_of(self, at_ns: int, row: int) -> int:
        """The row at which something due at ``at_ns`` is looked at: the first that closes then or later."""
        if row < self._rows and self._times[row] >= at_ns:
            return row
        return bisect_left(self._times, at_ns, row, self._rows)


def _following(rows: Sequence[int], row: int) -> int:
    at = bisect_left(rows, row)
    return rows[at] if at < len(rows) else NEVER
