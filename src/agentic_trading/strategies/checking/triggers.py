"""Are the masks complete: is there a row on which the strategy would act and that they leave out?"""

from collections.abc import Mapping

import msgspec

from agentic_trading.core.enums import Posture
from agentic_trading.core.events import FeatureVector
from agentic_trading.strategies.checking.ground import Covered, Finding, Ground, Make, masks_of
from agentic_trading.strategies.checking.lives import LIVES, Life
from agentic_trading.strategies.checking.probing import Answer, Standing
from agentic_trading.strategies.checking.stances import Probe, stances_of


def check_triggers(make: Make, ground: Ground) -> tuple[list[Covered], list[Finding]]:
    """Ask at every warm row in every state, and compare with the masks of that posture.

    Reports the first missed row of each state. In a fixed stance memory is asked both carried from row
    to row and new; a life carries it through what happens to the strategy's own wishes.
    """
    strategy, rows = make(), ground.warm_rows
    masks = masks_of(strategy, ground)
    if isinstance(masks, Finding):
        return [], [masks]
    if not rows:
        what = "the data is too short for the features to warm up: nothing could be asked"
        return [], [Finding("triggers", ground.symbol, 0, "", what)]
    probes = [Probe(strategy, ground, stance) for stance in stances_of(ground.instrument)]
    lives = [Life(strategy, ground, number) for number in range(LIVES)]
    # Every stance is in the table, also one that the data is too short for.
    tally = _Tally({posture: masks.of(posture).tolist() for posture in Posture})
    for probe in probes:
        tally.expect(probe.stance.name)
    for row in rows:
        vector = ground.vector(row)
        for probe in probes:
            if probe.covers(row):
                standing = probe.standing(row)
                answers = [probe.ask(vector, row, standing)]
                if strategy.Memory is not None:
                    answers.append(probe.ask_afresh(vector, row))
                tally.note(vector, row, standing, answers)
        for life in lives:
            standing = life.standing(vector.candle)
            tally.note(vector, row, standing, [life.ask(vector, row, standing)])
    return tally.covered(ground.symbol), tally.findings()


class _Count(msgspec.Struct):
    asked: int = 0
    acted: int = 0
    missed: int = 0
    finding: Finding | None = None


class _Tally:
    """What came of asking, by state."""

    def __init__(self, masks: Mapping[Posture, list[bool]]) -> None:
        self._masks = masks
        self._counts: dict[str, _Count] = {}

    def expect(self, state: str) -> None:
        self._counts[state] = _Count()

    def note(self, vector: FeatureVector, row: int, standing: Standing, answers: list[Answer]) -> None:
        count = self._counts.setdefault(standing.name, _Count())
        count.asked += 1
        telling = next((each for each in answers if each.acts), None)
        if telling is None:
            return
        count.acted += 1
        if self._masks[standing.posture][row] and not telling.raised:
            return
        count.missed += 1
        if count.finding is None:
            what = telling.raised or f"the masks leave out a row with: {telling.text}"
            count.finding = Finding("triggers", vector.symbol, vector.at_ns, standing.name, what)

    def covered(self, symbol: str) -> list[Covered]:
        return [
            Covered(symbol, state, count.asked, count.acted, count.missed)
            for state, count in self._counts.items()
        ]

    def findings(self) -> list[Finding]:
        return [count.finding for count in self._counts.values() if count.finding is not None]
