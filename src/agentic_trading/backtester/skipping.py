"""Next-event time advance: which row of the timeline must be looked at next, and marking those before.

A row is looked at if a strategy could act on it, if the venue could do something in it, if a limit on
losses is crossed at it, or if anything else is due. Every row in between is marked by the one equity
function, so the curve is complete; the rows that are looked at go through the same bus as ever. Looking
at more rows than needed changes nothing, so all conditions here are supersets.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from agentic_trading.backtester.timeline import MarketRows, Timeline
from agentic_trading.backtester.wake import NEVER, Lookout, Watch
from agentic_trading.core.enums import Posture
from agentic_trading.core.events import (
    Fill,
    LiquidationPosted,
    OrderClosed,
    OrderIntent,
    OrderTerms,
    Refusal,
    Signal,
    SignalAdmitted,
)
from agentic_trading.core.models import plain
from agentic_trading.simulation.resting import Waits

Moving = SignalAdmitted | Refusal | OrderIntent | OrderClosed | Fill | LiquidationPosted
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

    def look(self, market: MarketRows, row: int, pairs: Sequence[tuple[str, str]]) -> None:
        """Mark a row whose candles come next; only these (strategy, symbol) need to look at them."""
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
        self._edges: list[int] = np.flatnonzero(self._market.day_edges).tolist()

    def hear(self, number: int, cause: int, event: Moving) -> None:
        """Take note that a strategy may stand elsewhere on a symbol."""
        what: Fill | Refusal | Signal | OrderTerms
        kind = type(event)
        if kind is OrderIntent or kind is OrderClosed:
            what = event.terms  # type: ignore[union-attr]
        elif kind is LiquidationPosted:
            what = event.fill  # type: ignore[union-attr]
        else:
            what = event.signal if kind is SignalAdmitted else event  # type: ignore[union-attr, assignment]
        self._lookout.changed(what.strategy, what.symbol)

    def advance(self, row: int, passed: bool, due: Callable[[bool], int | None]) -> int:
        """Mark from ``row`` on up to the next row that must be looked at, and return it.

        ``passed`` says that the venue has already let the candles of ``row`` pass; then only the core can
        need that row. ``due`` gives the time of the next alarm or, if asked for with True, funding stamp.
        Returns the length of the timeline if nothing is left to look at.
        """
        stop = min(self._lookout.next_row(row), self._rows)
        if self._gaps:
            stop = min(stop, _following(self._gaps, row))
        if self._core.waits_for_day:
            stop = min(stop, _following(self._edges, row))
        if stop > row:
            waits = self._venue.waits()
            since = row + 1 if passed else row
            if waits.at_market:
                stop = since
            elif waits.arrival_ns is not None:
                stop = min(stop, self._row_of(waits.arrival_ns, since))
            at_ns = due(waits.holding)
            if at_ns is not None:
                stop = min(stop, self._row_of(at_ns, row))
            for symbol, (down, up) in waits.levels.items():
                if stop > since:
                    stop = self._market.first_touch(symbol, down, up, since, stop)
            for symbol, (down, up) in waits.marks.items():
                if stop > since:
                    stop = self._market.first_mark_touch(symbol, down, up, since, stop)
        return stop if stop <= row else self._core.skip(self._market, row, stop)

    def look(self, row: int) -> list[str]:
        """Prepare the core for the row that `advance` found; returns the symbols whose candles it needs."""
        pairs = [self._pairs[number] for number in self._lookout.acting(row)]
        self._core.look(self._market, row, pairs)
        return [symbol for _, symbol in pairs] if len(pairs) < 2 else self._in_order(pairs)

    def _in_order(self, pairs: Sequence[tuple[str, str]]) -> list[str]:
        wanted = dict.fromkeys(symbol for _, symbol in pairs)
        return [symbol for symbol in self._market.timeline.symbols if symbol in wanted]

    def _row_of(self, at_ns: int, row: int) -> int:
        """The row at which something due at ``at_ns`` is looked at: the first that closes then or later."""
        if row < self._rows and self._times[row] >= at_ns:
            return row
        return bisect_left(self._times, at_ns, row, self._rows)


def _following(rows: Sequence[int], row: int) -> int:
    at = bisect_left(rows, row)
    return rows[at] if at < len(rows) else NEVER
