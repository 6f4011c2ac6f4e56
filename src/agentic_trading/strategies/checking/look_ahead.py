"""Is anything seen of other data: of candles that come later, or of where the data begins?"""

from itertools import islice
from typing import Any

import msgspec
import numpy as np

from agentic_trading.core.models import CandleColumns
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.checking.ground import (
    Finding,
    Ground,
    Make,
    Masks,
    differing,
    masks_of,
    spread,
)
from agentic_trading.strategies.checking.probing import Answer
from agentic_trading.strategies.checking.stances import ONE_AGE, Probe, stances_of

SHARES = (0.2, 0.4, 0.6, 0.8, 0.95)
"""Shares of the warm rows after which the future is changed, or before which the past is cut off."""

ACTING_ROWS = 3
"""Rows of each mask (or in each state) that would act and after which the future is changed as well.

A look at what comes next shows only where everything else that the strategy asks for holds.
"""

FUTURES = {"missing": 0.0, "much higher": 1.5, "much lower": 0.6}
"""What comes after a cut instead: nothing, or the real candles backwards at so many times their prices.

Both ways, because a look at a single later candle shows only if that candle changes sides.
"""

ROWS = 20
"""Rows that are asked: the last before a change of the future, and as many of those before them."""

FIRST_ROWS = 20
"""Rows after a later beginning that are asked: a strategy that wants more than its warm-up lacks it there."""

Said = list[tuple[int, str, Answer]]
"""Rows, states, and what was answered there."""


def check_look_ahead(make: Make, ground: Ground) -> list[Finding]:
    """Columns, masks and answers must not change on closed rows when what comes later is another.

    Reports the first difference.
    """
    masks = masks_of(make(), ground)
    if isinstance(masks, Finding):
        return []  # Said where masks are looked at.
    for row in _cuts(make, ground, masks):
        rows = [each for each in ground.warm_rows if each <= row]
        asked = spread(rows[:-ROWS], ROWS) + rows[-ROWS:]
        # Asked right after it was given its table, and before others are: it may have kept that.
        telling = make()
        known = _Known(row + 1, masks_of(telling, ground), _answers(telling, ground, asked), asked)
        for future in FUTURES:
            base = _with_future(ground.base, ground.close_ns(row), future)
            other = msgspec.structs.replace(ground, table=ground.rebuild(base))
            found = _difference(make(), ground, other, known)
            if found is not None:
                where, at, what = found
                text = f"{what} is another one when what comes later is {future}"
                return [Finding("look-ahead", ground.symbol, ground.close_ns(at), where, text)]
    return []


def check_look_back(make: Make, ground: Ground) -> list[Finding]:
    """Where features and regime are the same, answers must not depend on how long ago the data began."""
    warm, table = ground.warm_rows, ground.table
    for share in SHARES if warm else ():
        # The rows lost are as many as were warm, times the share: the others still are.
        first_ns = int(table.candles.open_ns[int(share * len(warm))])
        later = msgspec.structs.replace(ground, table=ground.rebuild(_since(ground.base, first_ns)))
        lost = len(table) - len(later.table)
        alike = (row for row in later.warm_rows if row >= max(ONE_AGE) and _same(ground, later, row, lost))
        rows = list(islice(alike, FIRST_ROWS))
        whole = _answers(make(), ground, [row + lost for row in rows])
        short = _answers(make(), later, rows)
        for (row, state, said), (_, _, now) in zip(whole, short, strict=True):
            if said.text != now.text:
                what = f"the answer ({said.text}; then {now.text}) is another one without the data before"
                return [Finding("warm-up", ground.symbol, ground.close_ns(row), state, what)]
    return []


def _same(ground: Ground, later: Ground, row: int, lost: int) -> bool:
    one, two = ground.vector(row + lost), later.vector(row)
    return (one.values, one.regime, one.posterior) == (two.values, two.regime, two.posterior)


def _cuts(make: Make, ground: Ground, masks: Masks) -> list[int]:
    """Rows after which the future is changed: some anywhere, and some on which much is at stake."""
    warm = ground.warm_rows
    if not warm:
        return []
    cuts = [warm[int(share * (len(warm) - 1))] for share in SHARES]
    acting: dict[str, list[int]] = {}
    for name, mask in masks.columns.items():
        acting[name] = np.flatnonzero(mask & ground.table.warm).tolist()
    if not acting:
        for row, state, said in _answers(make(), ground, spread(warm)):
            if said.acts:
                acting.setdefault(state, []).append(row)
    for rows in acting.values():
        cuts += rows[:: max(1, -(-len(rows) // ACTING_ROWS))]
    return sorted(dict.fromkeys(cuts))


class _Known(msgspec.Struct, frozen=True, eq=False):
    """What a strategy said about the first ``size`` rows, knowing what really came after them."""

    size: int
    masks: Masks | Finding
    said: Said
    asked: list[int]


def _difference(
    strategy: BaseStrategy[Any], ground: Ground, other: Ground, known: _Known
) -> tuple[str, int, str] | None:
    """Where, at which row and in what the known rows differ on a ground with another future."""
    for name in ground.table.columns:
        one, two = ground.table[name][: known.size], other.table[name][: known.size]
        differ = np.flatnonzero((one != two) & ~(np.isnan(one) & np.isnan(two)))
        if len(differ):
            return f"column {name}", int(differ[0]), "its value"
    masks = masks_of(strategy, other)
    if isinstance(masks, Finding) or isinstance(known.masks, Finding):
        return ("triggers", 0, "what it does") if isinstance(masks, Finding) else None
    column = differing(known.masks, masks, known.size)
    if column is not None:
        return f"column {column[0]}", column[1], "the mask"
    for (row, state, said), (_, _, now) in zip(
        known.said, _answers(strategy, other, known.asked), strict=True
    ):
        if said.text != now.text:
            return state, row, f"the answer ({said.text}; then {now.text})"
    return None


def _answers(strategy: BaseStrategy[Any], ground: Ground, rows: list[int]) -> Said:
    probes = [Probe(strategy, ground, stance) for stance in stances_of(ground.instrument, ONE_AGE)]
    said: Said = []
    for row in rows:
        vector = ground.vector(row)
        for probe in probes:
            if probe.covers(row):
                said.append((row, probe.stance.name, probe.ask_afresh(vector, row)))
    return said


def _with_future(base: CandleColumns, cut_ns: int, future: str) -> CandleColumns:
    """The candles that close by the cut, and behind them another future."""
    known = int(np.searchsorted(base.close_ns, cut_ns, side="right"))
    if not FUTURES[future]:
        return part_of(base, 0, known)
    bars = base.bars.copy()
    bars[:, known:] = base.bars[:, known:][:, ::-1] * FUTURES[future]
    return msgspec.structs.replace(base, bars=bars)


def _since(base: CandleColumns, first_ns: int) -> CandleColumns:
    return part_of(base, int(np.searchsorted(base.open_ns, first_ns)), len(base))


def part_of(base: CandleColumns, first: int, last: int) -> CandleColumns:
    """Rows ``first..last`` as candles of their own."""
    inside = base.starts[(base.starts > first) & (base.starts < last)] - first
    return msgspec.structs.replace(
        base,
        open_ns=base.open_ns[first:last],
        bars=base.bars[:, first:last],
        filled=base.filled[first:last],
        starts=np.concatenate((np.zeros(1, dtype=np.int64), inside)),
    )
