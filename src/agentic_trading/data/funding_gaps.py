"""Which funding rates are missing: a rate is valid for one interval, and intervals may change.

Venues settle every eight hours, some contracts every four, two or one, and switch when a market is hot. A
stored history does not say which interval held when, so it is read off the distances between the stamps.
"""

from collections.abc import Sequence
from itertools import pairwise

from agentic_trading.core.enums import HOUR_NS

INTERVALS_NS = (HOUR_NS, 2 * HOUR_NS, 4 * HOUR_NS, 8 * HOUR_NS)
"""The intervals the venues use."""
USUAL_NS = 8 * HOUR_NS
_LATE_NS = HOUR_NS // 2
"""A stamp that comes late by less is not a missing one."""


def missing_stamps(
    at_ns: Sequence[int], start_ns: int, end_ns: int, usual_ns: int | None = None
) -> list[int]:
    """When rates were due and are not there, strictly between ``start_ns`` and ``end_ns``; ascending.

    ``at_ns`` are the stamps that are there, ascending. A distance between two of them that is one of
    `INTERVALS_NS` is the interval in force, unless both its neighbours are shorter: then it is a hole, as
    is any longer distance. ``usual_ns`` (default eight hours) holds where no neighbour tells.
    """
    usual = usual_ns or USUAL_NS
    if not at_ns:
        return list(range(start_ns - start_ns % usual + usual, end_ns, usual))
    distances = [later - earlier for earlier, later in pairwise(at_ns)]
    steps = [_interval(distances, index, usual) for index in range(len(distances))]
    first, last = (steps[0], steps[-1]) if steps else (usual, usual)
    missing = list(range(at_ns[0] - first, start_ns, -first))[::-1]
    for stamp, distance, step in zip(at_ns, distances, steps, strict=False):
        missing += range(stamp + step, stamp + distance - _LATE_NS, step)
    missing += range(at_ns[-1] + last, end_ns, last)
    return [stamp for stamp in missing if start_ns < stamp < end_ns]


def _interval(distances: Sequence[int], index: int, usual_ns: int) -> int:
    """The interval in force over one distance between stamps."""
    distance = distances[index]
    around = [distances[near] for near in (index - 1, index + 1) if 0 <= near < len(distances)]
    shorter = [near for near in around if near in INTERVALS_NS and near < distance]
    if distance in INTERVALS_NS and len(shorter) < 2:
        return distance
    if shorter:
        return max(shorter)
    return distance if distance <= INTERVALS_NS[-1] else usual_ns
