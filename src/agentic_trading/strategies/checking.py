"""Looks for what makes a backtest lie: incomplete triggers, state outside ``ctx.memory``, look-ahead."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from agentic_trading.core.enums import Posture
from agentic_trading.core.events import FeatureVector
from agentic_trading.core.features import Triggers
from agentic_trading.core.models import BoolArray, Instrument
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.probing import RAISED, Probe, ProbeTable, stances_of, vector_at

Make = Callable[[], BaseStrategy[Any]]
"""Makes the strategy anew."""

SAMPLES = 100
"""Rows looked at where not every row is."""


class Finding(msgspec.Struct, frozen=True):
    """Something wrong: which check, where (symbol, close of the row, column or stance), and what.

    ``at_ns`` is 0 where no single row is meant.
    """

    check: str
    symbol: str
    at_ns: int
    where: str
    what: str


class Covered(msgspec.Struct, frozen=True):
    """How often a strategy was asked in a stance: rows, those on which it acted, those the masks missed."""

    symbol: str
    stance: str
    rows: int
    acted: int
    missed: int


class Ground(msgspec.Struct, frozen=True, eq=False):
    """Where a strategy is checked: an instrument and the table of its features."""

    instrument: Instrument
    table: ProbeTable

    @property
    def symbol(self) -> str:
        return self.instrument.symbol

    def close_ns(self, row: int) -> int:
        candles = self.table.candles
        return int(candles.open_ns[row]) + candles.timeframe.ns


def check_triggers(make: Make, ground: Ground) -> tuple[list[Covered], list[Finding]]:
    """Ask at every warm row in every stance, and compare with the masks of that posture.

    Reports the first missed row of each stance. Memory is asked both carried from row to row and new.
    """
    strategy, table = make(), ground.table
    warm = np.flatnonzero(table.warm).tolist()
    masks, problem = _masks_of(strategy, ground)
    if masks is None:
        return [], problem
    walks = [
        _Walk(Probe(strategy, ground.instrument, table, stance), masks[stance.posture].tolist())
        for stance in stances_of(ground.instrument)
    ]
    for row in warm:
        vector = vector_at(table, row)
        for walk in walks:
            if walk.probe.covers(row):
                walk.look(vector, row, afresh=strategy.Memory is not None)
    covered = [
        Covered(ground.symbol, walk.probe.stance.name, walk.asked, walk.acted, walk.missed) for walk in walks
    ]
    return covered, [each.finding for each in walks if each.finding is not None]


class _Walk:
    """One stance on its way through all rows, with the mask that is meant to cover it."""

    def __init__(self, probe: Probe, mask: list[bool]) -> None:
        self.probe = probe
        self.asked = self.acted = self.missed = 0
        self.finding: Finding | None = None
        self._mask = mask

    def look(self, vector: FeatureVector, row: int, *, afresh: bool) -> None:
        answers = [self.probe.ask(vector, row)]
        if afresh:
            answers.append(self.probe.ask(vector, row, afresh=True))
        telling = next((each for each in answers if each.acts), None)
        self.asked += 1
        if telling is None:
            return
        self.acted += 1
        if self._mask[row] and not telling.raised:
            return
        self.missed += 1
        if self.finding is None:
            what = telling.text if telling.raised else f"the masks leave out a row with: {telling.text}"
            self.finding = Finding("triggers", vector.symbol, vector.at_ns, self.probe.stance.name, what)


def check_hidden_state(make: Make, grounds: Sequence[Ground]) -> list[Finding]:
    """What a strategy answers must not depend on which rows it was asked before, nor on which symbols.

    A new object walks forwards; another one walks backwards, with rows in between that nobody compares.
    """
    asked: list[tuple[Ground, Probe, Probe, int]] = []
    ahead, back = make(), make()
    for ground in grounds:
        stances = stances_of(ground.instrument, ages=(12,))
        one = [Probe(ahead, ground.instrument, ground.table, stance) for stance in stances]
        two = [Probe(back, ground.instrument, ground.table, stance) for stance in stances]
        for row in _spread(np.flatnonzero(ground.table.warm)):
            asked += [(ground, a, b, row) for a, b in zip(one, two, strict=True) if a.covers(row)]
    first = [a.ask(vector_at(ground.table, row), row, afresh=True).text for ground, a, _, row in asked]
    found: dict[str, Finding] = {}
    for number in reversed(range(len(asked))):
        ground, _, other, row = asked[number]
        vector = vector_at(ground.table, row)
        again = other.ask(vector, row, afresh=True).text
        if again != first[number]:
            what = f"answered {first[number]}; asked about other rows before: {again}"
            found[ground.symbol] = Finding(
                "hidden state", ground.symbol, vector.at_ns, other.stance.name, what
            )
        if number % 3 == 0:
            other.ask(vector, row, afresh=True)
    return list(found.values())


def check_look_ahead(make: Make, ground: Ground, other: ProbeTable, rows: int, future: str) -> list[Finding]:
    """Columns, masks and answers on the first ``rows`` rows must be those of a table with another future.

    ``other`` is the table made from data that is the same up to there; ``future`` says what it has beyond.
    """
    for name in ground.table.columns:
        one, two = ground.table[name][:rows], other[name][:rows]
        differ = np.flatnonzero((one != two) & ~(np.isnan(one) & np.isnan(two)))
        if len(differ):
            return [_seen(ground, int(differ[0]), f"column {name}", "its value", future)]
    telling, blind = make(), make()
    masks, _ = _masks_of(telling, ground)
    wanted = [int(row) for row in _spread(np.flatnonzero(ground.table.warm[:rows]), near_end=True)]
    before = _answers(telling, ground, ground.table, wanted)
    changed, problem = _masks_of(blind, Ground(ground.instrument, other))
    if masks is None or changed is None:
        return [each for each in problem if masks is not None]
    for posture in (Posture.FLAT, Posture.HOLDING):
        differ = np.flatnonzero(masks[posture][:rows] != changed[posture][:rows])
        if len(differ):
            column = "triggers.entry" if posture is Posture.FLAT else "triggers.exit"
            return [_seen(ground, int(differ[0]), f"column {column}", "the mask", future)]
    after = _answers(blind, ground, other, wanted)
    for (row, stance, said), (_, _, now) in zip(before, after, strict=True):
        if said != now:
            return [_seen(ground, row, stance, f"the answer ({said}; then {now})", future)]
    return []


def _seen(ground: Ground, row: int, where: str, what: str, future: str) -> Finding:
    text = f"{what} is another one when what comes later is {future}"
    return Finding("look-ahead", ground.symbol, ground.close_ns(row), where, text)


def _answers(
    strategy: BaseStrategy[Any], ground: Ground, table: ProbeTable, rows: Iterable[int]
) -> list[tuple[int, str, str]]:
    stances = stances_of(ground.instrument, ages=(12,))
    probes = [Probe(strategy, ground.instrument, table, stance) for stance in stances]
    said = []
    for row in rows:
        vector = vector_at(table, row)
        for probe in probes:
            if probe.covers(row):
                said.append((row, probe.stance.name, probe.ask(vector, row, afresh=True).text))
    return said


def _masks_of(
    strategy: BaseStrategy[Any], ground: Ground
) -> tuple[Mapping[Posture, BoolArray] | None, list[Finding]]:
    """The rows that are looked at in each posture, or why there is no telling."""
    size = len(ground.table)
    try:
        masks = strategy.triggers(ground.table)
    except RAISED as error:
        raised = f"raised {type(error).__name__}: {error}"
        return None, [Finding("triggers", ground.symbol, 0, "triggers", raised)]
    if masks is None:
        every = np.ones(size, dtype=np.bool_)
        masks = Triggers(every, every)
    for name, mask in (("entry", masks.entry), ("exit", masks.exit)):
        if getattr(mask, "dtype", None) != np.bool_ or mask.shape != (size,):
            what = f"must be a boolean array with one value per row ({size})"
            return None, [Finding("triggers", ground.symbol, 0, f"column triggers.{name}", what)]
    both = masks.entry | masks.exit
    return {Posture.FLAT: masks.entry, Posture.HOLDING: masks.exit, Posture.BETWEEN: both}, []


def _spread(rows: Any, *, near_end: bool = False) -> list[int]:
    """Some rows of many, evenly spread; half of them the last ones where the end is what matters."""
    every: list[int] = rows.tolist()
    last = every[-SAMPLES // 2 :] if near_end else []
    rest = every[: len(every) - len(last)]
    step = max(1, len(rest) // (SAMPLES - len(last)))
    return rest[::step] + last
