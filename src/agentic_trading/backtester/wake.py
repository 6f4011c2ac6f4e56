"""Which rows may matter to a strategy, and which of them comes next."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence

import numpy as np

from agentic_trading.backtester.timeline import Timeline
from agentic_trading.core.enums import Posture
from agentic_trading.core.features import FeatureTable, Triggers
from agentic_trading.core.models import BoolArray, IntArray

NEVER = 2**62


class Watch:
    """The trigger rows of one strategy on one symbol, as rows of the timeline."""

    def __init__(self, strategy: str, symbol: str, entry: IntArray, exit_: IntArray) -> None:
        """``entry`` and ``exit_`` are ascending rows."""
        self.strategy = strategy
        self.symbol = symbol
        both = np.union1d(entry, exit_)
        self._rows = {
            Posture.FLAT: array("q", entry.astype(np.int64).tobytes()),
            Posture.HOLDING: array("q", exit_.astype(np.int64).tobytes()),
            Posture.BETWEEN: array("q", both.astype(np.int64).tobytes()),
        }

    def following(self, posture: Posture, row: int) -> int:
        """First trigger row at or after ``row``; NEVER if there is none."""
        rows = self._rows[posture]
        at = bisect_left(rows, row)
        return rows[at] if at < len(rows) else NEVER


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
    if triggers is None:
        every = rows[warm]
        return Watch(strategy, symbol, every, every)
    for name, mask in (("entry", triggers.entry), ("exit", triggers.exit)):
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (len(table),):
            raise ValueError(
                f"strategy {strategy}: triggers must give {name} as a boolean array with one value per row "
                f"({len(table)}), not {type(mask).__name__} {getattr(mask, 'shape', '')}"
            )
    return Watch(strategy, symbol, rows[triggers.entry & warm], rows[triggers.exit & warm])


def next_trigger(watches: Sequence[Watch], posture: Callable[[str, str], Posture], row: int) -> int:
    """First row at or after ``row`` on which some strategy could act."""
    return min(
        (watch.following(posture(watch.strategy, watch.symbol), row) for watch in watches),
        default=NEVER,
    )
