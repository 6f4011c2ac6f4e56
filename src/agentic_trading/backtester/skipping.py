"""Next-event time advance: which row of the timeline must be looked at next, and marking those before.

A row is looked at if a strategy could act on it, if the venue could do something in it, if a limit on
losses is crossed at it, or if anything else is due. Every row in between is marked by the one equity
function, so the curve is complete; the rows that are looked at go through the same bus as ever. Looking
at more rows than needed changes nothing, so all conditions here are supersets.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any, Protocol, get_args

import numpy as np

from agentic_trading.backtester.timeline import MarketRows, Timeline
from agentic_trading.backtester.wake import NEVER, Lookout, Moving, Watch
from agentic_trading.core.enums import Posture
from agentic_trading.core.events import Event
from agentic_trading.core.models import plain
from agentic_trading.simulation.resting import Waits

_AUDIENCES = 1024
"""So many are remembered, lest there be one for every row of many strategies."""


class SkippingVenue(Protocol):
    """The venue, as far as skipping must know it."""

    def waits(self) -> Waits: ...


class SkippingCore(Protocol):
    """The deciding core, as far as skipping must know it."""

    def posture(self, strategy: str, symbol: str) -> Posture: ...

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        """Mark rows that nobody looks at; returns the first that needs a look."""
        ...

    def look(self, market: MarketRows, row: int) -> None:
        """Mark a row whose candles come next."""
        ...

    def audience(self, pairs: Sequence[tuple[str, str]]) -> Any:
        """What these (strategy, symbol) need to look at candles, for `attend`."""
        ...

    def attend(self, audience: Any) -> None:
        """From now on only these look at candles."""
        ...

    @property
    def waits_for_day(self) -> bool: ...


class Skipper:
    """Finds the next row to look at and marks the rows before it."""

    def __init__(
        self,
        timeline: Timeline,
        watches: Sequence[Watch],
        core: SkippingCore,
        venue: SkippingVenue,
        market: MarketRows | None = None,
    ) -> None:
        """``market`` is told where marks or finer candles reach further than the timeline's own."""
        self._rows = len(timeline)
        self._market = market if market is not None else MarketRows(timeline)
        self._times = plain(timeline.close_ns)
        self._pairs = [(watch.strategy, watch.symbol) for watch in watches]
        self._lookout = Lookout(watches, core.posture)
        self._core = core
        self._venue = venue
        self._gaps = sorted(timeline.gaps)
        self._day_edges = plain(self._market.day_edges)
        self._edges: list[int] = np.flatnonzero(self._market.day_edges).tolist()
        self._edge = -1
        self._marked = 0
        self._acting: tuple[int, ...] | None = None
        self._audiences: dict[tuple[int, ...], tuple[Any, Sequence[str]]] = {}
        self._symbols: Sequence[str] = ()

    @property
    def hear(self) -> Callable[[Any], None]:
        """Told every event of `wake.Moving`: a strategy may stand elsewhere on a symbol."""
        return self._lookout.hear

    @property
    def taps(self) -> Sequence[tuple[tuple[type[Event], ...], Callable[[Any], object]]]:
        """What the bus must tell."""
        return [(get_args(Moving), self._lookout.hear)]

    def advance(
        self, row: int, passed: bool, alarm_ns: int = NEVER, funding_ns: int = NEVER
    ) -> tuple[int, bool]:
        """Mark from ``row`` on up to the next row that must be looked at.

        Returns that row, the length of the timeline if there is none, and whether only the core can need
        it: ``passed`` says so of ``row`` itself, whose candles the venue may have let pass already. The
        times are those of the next alarm and the next funding.
        """
        waits = self._venue.waits()
        arrival_ns = waits.arrival_ns
        if arrival_ns is not None and not passed and row < self._rows and arrival_ns <= self._times[row]:
            return row, False  # what was sent at the row before arrives in this one: most common of all
        since = row + 1 if passed else row
        venues = since if waits.at_market else self._rows
        if arrival_ns is not None:
            venues = min(venues, self._row_of(arrival_ns, since))
        if waits.holding and funding_ns < NEVER:
            venues = min(venues, self._row_of(funding_ns, since))
        if venues <= row:
            return row, False
        cores = self._cores_row(row, alarm_ns)
        # Where only the core needs its row, that row is marked with those before it.
        stop = cores + 1 if cores < self._rows and not self._day_edges[cores] else cores
        if venues < stop:
            stop = venues
        if stop <= row:
            return row, passed
        if waits.levels:
            for symbol, (down, up) in waits.levels.items():
                if stop > since:
                    stop = self._market.first_touch(symbol, down, up, since, stop)
        if waits.marks:
            for symbol, (down, up) in waits.marks.items():
                if stop > since:
                    stop = self._market.first_mark_touch(symbol, down, up, since, stop)
        reached = self._marked = self._core.skip(self._market, row, stop)
        if reached > cores:
            return cores, True
        return reached, passed and reached == row

    def resume(self, marked: int) -> None:
        """Go on after somebody else has moved strategies, and marked the rows before ``marked``."""
        self._marked = marked
        self._lookout.ask_again()

    def look(self, row: int) -> Sequence[str]:
        """Prepare the core for the row that `advance` found; returns the symbols whose candles it needs."""
        acting = self._lookout.acting(row)
        if acting != self._acting:
            self._attend(acting)
        if row >= self._marked:
            self._core.look(self._market, row)
        return self._symbols

    def _attend(self, acting: tuple[int, ...]) -> None:
        """Who looks changes often, and mostly back to somebody who looked before."""
        if acting not in self._audiences:
            pairs = [self._pairs[number] for number in acting]
            wanted = [symbol for _, symbol in pairs]
            symbols = [symbol for symbol in self._market.timeline.symbols if symbol in wanted]
            if len(self._audiences) == _AUDIENCES:
                self._audiences.clear()
            self._audiences[acting] = (self._core.audience(pairs), symbols)
        self._acting = acting
        audience, self._symbols = self._audiences[acting]
        self._core.attend(audience)

    def _cores_row(self, row: int, alarm_ns: int) -> int:
        """The first row, from ``row`` on, that the core needs; the length of the timeline if none."""
        first = self._lookout.next_row(row)
        if first > self._rows:
            first = self._rows
        if self._gaps:
            first = min(first, _following(self._gaps, row))
        if self._core.waits_for_day:
            if self._edge < row:
                self._edge = _following(self._edges, row)
            first = min(first, self._edge)
        return first if alarm_ns == NEVER else min(first, self._row_of(alarm_ns, row))

    def _row_of(self, at_ns: int, row: int) -> int:
        """The row at which something due at ``at_ns`` is looked at: the first that closes then or later."""
        if row < self._rows and self._times[row] >= at_ns:
            return row
        return bisect_left(self._times, at_ns, row, self._rows)


class EveryRow:
    """Looks at every row, where `Skipper` looks for the next one."""

    taps: Sequence[tuple[tuple[type[Event], ...], Callable[[Any], object]]] = ()

    def __init__(self, market: MarketRows, core: SkippingCore) -> None:
        self._market = market
        self._core = core
        self._symbols = market.timeline.symbols
        self._marked = 0

    def advance(
        self, row: int, passed: bool, alarm_ns: int = NEVER, funding_ns: int = NEVER
    ) -> tuple[int, bool]:
        """The row itself is the next."""
        return row, passed

    def resume(self, marked: int) -> None:
        """Go on after somebody else has marked the rows before ``marked``."""
        self._marked = marked

    def look(self, row: int) -> Sequence[str]:
        """Prepare the core for a row; all symbols' candles are needed."""
        if row >= self._marked:
            self._core.look(self._market, row)
        return self._symbols


def _following(rows: Sequence[int], row: int) -> int:
    at = bisect_left(rows, row)
    return rows[at] if at < len(rows) else NEVER
