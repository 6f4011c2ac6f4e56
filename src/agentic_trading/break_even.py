"""Where a run breaks even: the fee, the slippage or the delay at which nothing is left of its profit."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

HALVINGS = 6
"""Runs between the two ends of a search; inside what is left, the value is interpolated."""


class Search(NamedTuple):
    """What is varied, from 0 to ``most`` ``unit``, and the settings of ``[simulation]`` that a value means.

    Steps are even on the scale of log(1 + value / ``fine``). ``market`` says whether it is the market that
    is varied, which ``fills = "next_open"`` knows nothing of. ``bound`` is why there may be no such value.
    """

    name: str
    unit: str
    most: float
    fine: float
    market: bool
    changes: Callable[[float], Mapping[str, Any]]
    bound: str = ""


SEARCHES = (
    Search("fee", "bps", 100.0, 1.0, False, lambda bps: {"maker_fee_bps": bps, "taker_fee_bps": bps}),
    Search("slippage", "bps", 100.0, 1.0, True, lambda bps: {"slippage": "fixed", "slippage_bps": bps},
           ": no fill is worse than its candle's extreme"),
    Search("delay", "ms", 3_600_000.0, 100.0, True, lambda ms: {"latency_ms": round(ms)}),
)  # fmt: skip
"""The fee is one for makers and takers; the slippage comes on top of the half-spread."""


def break_even(net: Callable[[float], float], search: Search) -> tuple[float | None, str]:
    """The value at which ``net`` turns from profit to none, or None and the reason in words.

    Calls ``net`` at most 2 + `HALVINGS` times. Where it falls and rises more than once, one of the falls
    is found.
    """
    low, high = 0.0, search.most
    gain = net(low)
    if gain <= 0:
        return None, f"none: no profit even at 0 {search.unit}"
    loss = net(high)
    if loss > 0:
        return None, f"none within {search.most:,.0f} {search.unit}{search.bound}"
    for _ in range(HALVINGS):
        middle = search.fine * (math.sqrt((1 + low / search.fine) * (1 + high / search.fine)) - 1)
        found = net(middle)
        if found > 0:
            low, gain = middle, found
        else:
            high, loss = middle, found
    return low + (high - low) * gain / (gain - loss), ""
