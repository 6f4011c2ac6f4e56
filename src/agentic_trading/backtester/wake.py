"""Which rows may matter to a strategy, and which of them comes next."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import numpy as np

from agentic_trading.backtester.timeline import Timeline
from agentic_trading.core.enums import Posture
from agentic_trading.core.events import (
    Fill,
    LiquidationPosted,
    OrderClosed,
    OrderIntent,
    Refusal,
    SignalAdmitted,
)
from agentic_trading.core.features import FeatureTable, Triggers
from agentic_trading.core.models import BoolArray, CandleColumns, IntArray, plain

NEVER = 2**62
"""Later than any row, and than any time."""

Moving = SignalAdmitted | Refusal | OrderIntent | OrderClosed | Fill | LiquidationPosted
"""Events after which a strategy may stand elsewhere on a symbol."""

WHOSE: Mapping[type[Moving], Callable[[Any], Any]] = {
    SignalAdmitted: attrgetter("signal.strategy", "signal.symbol"),
    Refusal: attrgetter("strategy", "symbol"),
    OrderIntent: attrgetter("terms.strategy", "terms.symbol"),
    OrderClosed: attrgetter("terms.strategy", "terms.symbol"),
    Fill: attrgetter("strategy", "symbol"),
    LiquidationPosted: attrgetter("fill.strategy", "fill.symbol"),
}
"""The (strategy, symbol) of such an event."""


class Watch:
    """The trigger rows of one strategy on one symbol, by posture: a byte per row of the feature table."""

    def __init__(
        self,
        strategy: str,
        symbol: str,
        rows: IntArray | None,
        flat: BoolArray,
        long: BoolArray,
        short: BoolArray,
    ) -> None:
        """The masks (n,) say which of the table's rows may matter in each posture; between, any of them may.

        ``rows`` (n,) are the rows of the timeline at which those of the table close, ascending; None where
        they are one and the same.
        """
        self.strategy = strategy
        self.symbol = symbol
        self._rows = None if rows is None else plain(rows)
        self._marks = tuple([mask.tobytes() for mask in (flat, long, short, flat | long | short)])

    def following(self, posture: Posture, row: int) -> int:
        """First trigger row at or after ``row``; NEVER if there is none."""
        rows = self._rows
        at = self._marks[posture].find(1, row if rows is None else bisect_left(rows, row))
        if at < 0:
            return NEVER
        return at if rows is None else rows[at]


class Lookout:
    """Knows the next trigger row of every watch; asks for postures only where something changed."""

    def __init__(self, watches: Sequence[Watch], posture: Callable[[str, str], Posture]) -> None:
        self._watches = watches
        self._posture = posture
        self._of = {(watch.strategy, watch.symbol): number for number, watch in enumerate(watches)}
        self._found = [[-1] * len(Posture) for _ in watches]
        """By watch and posture the trigger row found last: the next one, until rows pass it."""
        self._standing = [Posture.FLAT] * len(watches)
        self._next = [-1] * len(watches)
        self._nearest = -1
        self._heard: list[Moving] = []
        self.hear = self._heard.append
        """Told each event that moves somebody; what it says is looked at when a row is asked for."""
        self._moved: dict[int | None, None] = {}
        self.ask_again()

    def next_row(self, row: int) -> int:
        """First row at or after ``row`` on which some strategy could act; NEVER if there is none."""
        if self._heard or self._moved:
            self._ask_those_moved()
        if self._nearest >= row:
            return self._nearest
        rows = self._next
        while (nearest := min(rows, default=NEVER)) < row:
            number = rows.index(nearest)
            posture = self._standing[number]
            rows[number] = self._found[number][posture] = self._watches[number].following(posture, row)
        self._nearest = nearest
        return nearest

    def acting(self, row: int) -> tuple[int, ...]:
        """Numbers of the watches for which a row, none before which is to be looked at, is a trigger row."""
        if self._nearest != row or self._heard:
            self.next_row(row)
        rows, at, acting = self._next, -1, []
        for _ in range(rows.count(row)):
            at = rows.index(row, at + 1)
            acting.append(at)
        return tuple(acting)

    def ask_again(self) -> None:
        """Everybody may stand elsewhere, though no event said so."""
        self._moved |= dict.fromkeys(range(len(self._watches)))

    def _ask_those_moved(self) -> None:
        """Ask where they stand now, and so which of their rows come next."""
        moved, heard = self._moved, self._heard
        for event in heard:
            moved[self._of.get(WHOSE[type(event)](event))] = None
        heard.clear()
        for number in moved:
            if number is not None:
                watch = self._watches[number]
                posture = self._standing[number] = self._posture(watch.strategy, watch.symbol)
                self._next[number] = self._found[number][posture]
        self._nearest = -1
        moved.clear()


def rows_of(timeline: Timeline, candles: CandleColumns) -> IntArray | None:
    """The rows of the timeline at which candles close, all of them on it; None where they are its own."""
    if len(candles) == len(timeline):
        return None
    return np.searchsorted(timeline.close_ns, candles.close_ns)


def watch_of(
    strategy: str,
    symbol: str,
    table: FeatureTable,
    rows: IntArray | None,
    warm: BoolArray,
    triggers: Triggers | None,
) -> Watch:
    """A strategy's trigger rows on a symbol: its masks where the features are warm, or every warm row.

    ``rows`` are those of the table's candles (see `rows_of`), ``warm`` (n,) says where it has values.
    Raises ValueError if a mask is not a boolean array with a value per row.
    """
    if triggers is None:
        return Watch(strategy, symbol, rows, warm, warm, warm)
    for name, mask in _masks(triggers).items():
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (len(table),):
            raise ValueError(
                f"strategy {strategy}: triggers must give {name} as a boolean array with one value per row "
                f"({len(table)}), not {type(mask).__name__} {getattr(mask, 'shape', '')}"
            )
    short = triggers.exit if triggers.exit_short is None else triggers.exit_short
    return Watch(strategy, symbol, rows, triggers.entry & warm, triggers.exit & warm, short & warm)


def _masks(triggers: Triggers) -> dict[str, BoolArray]:
    masks = {"entry": triggers.entry, "exit": triggers.exit}
    return masks if triggers.exit_short is None else masks | {"exit_short": triggers.exit_short}
