"""Which rows may matter to a strategy, and which of them comes next."""

from collections.abc import Callable, Sequence

import numpy as np

from agentic_trading.backtester.timeline import Timeline
from agentic_trading.core.enums import Posture
from agentic_trading.core.features import FeatureTable, Triggers
from agentic_trading.core.models import BoolArray, IntArray

NEVER = 2**62


class Watch:
    """The trigger rows of one strategy on one symbol: a byte per row of the timeline, by posture."""

    def __init__(
        self, strategy: str, symbol: str, flat: BoolArray, long: BoolArray, short: BoolArray
    ) -> None:
        """Each mask (n,) marks the rows that may matter in that posture; between, any of them may."""
        self.strategy = strategy
        self.symbol = symbol
        self._rows = (flat.tobytes(), long.tobytes(), short.tobytes(), (flat | long | short).tobytes())

    def following(self, posture: Posture, row: int) -> int:
        """First trigger row at or after ``row``; NEVER if there is none."""
        at = self._rows[posture].find(1, row)
        return at if at >= 0 else NEVER


class Lookout:
    """Knows the next trigger row of every watch; asks for postures only where something changed."""

    def __init__(self, watches: Sequence[Watch], posture: Callable[[str, str], Posture]) -> None:
        self._watches = watches
        self._posture = posture
        self._stances = [Posture.FLAT] * len(watches)
        self._next = [-1] * len(watches)
        self._of = {(watch.strategy, watch.symbol): number for number, watch in enumerate(watches)}
        self._changed = dict.fromkeys(range(len(watches)))

    def changed(self, strategy: str, symbol: str) -> None:
        """Something of a strategy on a symbol changed: its posture must be asked again."""
        number = self._of.get((strategy, symbol))
        if number is not None:
            self._changed[number] = None

    def next_row(self, row: int) -> int:
        """First row at or after ``row`` on which some strategy could act; NEVER if there is none."""
        rows = self._next
        if self._changed:
            for number in self._changed:
                watch = self._watches[number]
                self._stances[number] = self._posture(watch.strategy, watch.symbol)
                rows[number] = -1
            self._changed.clear()
        nearest = NEVER
        for number, at in enumerate(rows):
            if at < row:
                at = rows[number] = self._watches[number].following(self._stances[number], row)
            if at < nearest:
                nearest = at
        return nearest

    def acting(self, row: int) -> list[int]:
        """Numbers of the watches for which the row found by `next_row` is a trigger row."""
        return [number for number, at in enumerate(self._next) if at == row]


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
    rows = np.searchsorted(timeline.close_ns, close_ns)

    def laid_out(mask: BoolArray) -> BoolArray:
        out = np.zeros(len(timeline), dtype=np.bool_)
        out[rows[mask & warm]] = True
        return out

    if triggers is None:
        every = laid_out(warm)
        return Watch(strategy, symbol, every, every, every)
    for name, mask in _masks(triggers).items():
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (len(table),):
            raise ValueError(
                f"strategy {strategy}: triggers must give {name} as a boolean array with one value per row "
                f"({len(table)}), not {type(mask).__name__} {getattr(mask, 'shape', '')}"
            )
    long = laid_out(triggers.exit)
    short = long if triggers.exit_short is None else laid_out(triggers.exit_short)
    return Watch(strategy, symbol, laid_out(triggers.entry), long, short)


def _masks(triggers: Triggers) -> dict[str, BoolArray]:
    masks = {"entry": triggers.entry, "exit": triggers.exit}
    return masks if triggers.exit_short is None else masks | {"exit_short": triggers.exit_short}
