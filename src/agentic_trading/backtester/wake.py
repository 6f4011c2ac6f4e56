"""Which rows may matter to a strategy, and which of them comes next."""

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
from agentic_trading.core.models import BoolArray, IntArray

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
    """The trigger rows of one strategy on one symbol: a byte per row of the timeline, by posture."""

    def __init__(
        self, strategy: str, symbol: str, count: int, flat: IntArray, long: IntArray, short: IntArray
    ) -> None:
        """The rows, of ``count``, that may matter in each posture; between, any of them may."""
        self.strategy = strategy
        self.symbol = symbol
        exits = _marked(count, long)
        covers = exits if short is long else _marked(count, short)
        self.marks = (_marked(count, flat), exits, covers, _marked(count, flat, long, short))
        """By posture: 1 at every trigger row, else 0."""

    def following(self, posture: Posture, row: int) -> int:
        """First trigger row at or after ``row``; NEVER if there is none."""
        at = self.marks[posture].find(1, row)
        return at if at >= 0 else NEVER


def _marked(count: int, *rows: IntArray) -> bytearray:
    marks = bytearray(count)
    as_array = np.frombuffer(marks, dtype=np.uint8)
    for each in rows:
        as_array[each] = 1
    return marks


class Lookout:
    """Knows the next trigger row of every watch; asks for postures only where something changed."""

    def __init__(self, watches: Sequence[Watch], posture: Callable[[str, str], Posture]) -> None:
        self._watches = watches
        self._posture = posture
        self._of = {(watch.strategy, watch.symbol): number for number, watch in enumerate(watches)}
        self._find = [watch.marks[Posture.FLAT].find for watch in watches]
        self._next = [-1] * len(watches)
        self._nearest = -1
        self._heard: list[Moving] = []
        self.hear = self._heard.append
        """Told each event that moves somebody; what it says is looked at when a row is asked for."""
        self._moved: dict[int | None, None] = dict.fromkeys(range(len(watches)))

    def next_row(self, row: int) -> int:
        """First row at or after ``row`` on which some strategy could act; NEVER if there is none."""
        if self._heard or self._moved:
            self._ask_those_moved()
        if self._nearest >= row:
            return self._nearest
        nearest, rows = NEVER, self._next
        for number, at in enumerate(rows):
            if at < row:
                found = self._find[number](1, row)
                at = rows[number] = found if found >= 0 else NEVER
            if at < nearest:
                nearest = at
        self._nearest = nearest
        return nearest

    def acting(self, row: int) -> tuple[int, ...]:
        """Numbers of the watches for which a row, none before which is to be looked at, is a trigger row."""
        if self._nearest != row or self._heard:
            self.next_row(row)
        return tuple([number for number, at in enumerate(self._next) if at == row])

    def _ask_those_moved(self) -> None:
        """Ask where they stand now; their next rows are not known any more."""
        moved = self._moved
        for event in self._heard:
            moved[self._of.get(WHOSE[type(event)](event))] = None
        self._heard.clear()
        for number in moved:
            if number is not None:
                watch = self._watches[number]
                self._find[number] = watch.marks[self._posture(watch.strategy, watch.symbol)].find
                self._next[number] = self._nearest = -1
        moved.clear()


def watch_of(
    strategy: str,
    timeline: Timeline,
    table: FeatureTable,
    close_ns: IntArray,
    warm: BoolArray,
    triggers: Triggers | None,
    symbol: str,
) -> Watch:
    """A strategy's trigger rows on a symbol: its masks where the features are warm, or every warm row.

    ``close_ns`` (n,) are the closes of the table's rows, ``warm`` (n,) says where it has values.
    Raises ValueError if a mask is not a boolean array with a value per row.
    """
    count = len(timeline)
    # All closes of a table are on the timeline: if they are as many, they are the same.
    rows = np.arange(count) if len(close_ns) == count else np.searchsorted(timeline.close_ns, close_ns)
    if triggers is None:
        every = rows[warm]
        return Watch(strategy, symbol, count, every, every, every)
    for name, mask in _masks(triggers).items():
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (len(table),):
            raise ValueError(
                f"strategy {strategy}: triggers must give {name} as a boolean array with one value per row "
                f"({len(table)}), not {type(mask).__name__} {getattr(mask, 'shape', '')}"
            )
    flat, long = rows[triggers.entry & warm], rows[triggers.exit & warm]
    short = long if triggers.exit_short is None else rows[triggers.exit_short & warm]
    return Watch(strategy, symbol, count, flat, long, short)


def _masks(triggers: Triggers) -> dict[str, BoolArray]:
    masks = {"entry": triggers.entry, "exit": triggers.exit}
    return masks if triggers.exit_short is None else masks | {"exit_short": triggers.exit_short}
