"""Lets a strategy live: its wishes are refused, filled, delayed or cancelled in turn, its stops are hit.

Every row is asked in the state that the rows before have led to, with the memory they have left. So
states come up that no fixed stance has: flat with the memory of a position, a stop moved by the strategy.
"""

from typing import Any

import msgspec

from agentic_trading.core.enums import Direction
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.models import Candle, Entry
from agentic_trading.strategies.base import BaseStrategy
from agentic_trading.strategies.checking.ground import Ground
from agentic_trading.strategies.checking.probing import Answer, Asker, Standing


class Fate(msgspec.Struct, frozen=True):
    """What becomes of a wish: filled or not, after how many candles; 0 is at once, before the next candle."""

    word: str
    candles: int
    filled: bool


FATES = (
    Fate("a refusal", 0, filled=False),
    Fate("a fill", 1, filled=True),
    Fate("a cancel", 3, filled=False),
    Fate("a fill", 3, filled=True),
)
"""What wishes meet, in turn."""

LIVES = 2
"""Lives per symbol; each begins with another fate."""

LONGEST = 96
"""Candles after which a position is closed from outside, as an operator or a liquidation would."""


class Life:
    """One strategy's life on one symbol; rows must be asked in order, none left out."""

    def __init__(self, strategy: BaseStrategy[Any], ground: Ground, number: int) -> None:
        """``number`` is the first wish's place in `FATES`."""
        self._asker = Asker(strategy, ground)
        self._memory = self._asker.new_memory()
        self._turn = number
        self._held = self._heading = Direction.FLAT
        self._entry: Entry | None = None
        self._wish: Signal | None = None
        self._fate = FATES[0]
        self._due = 0
        self._since = "the start"

    def standing(self, candle: Candle) -> Standing:
        """Let a candle happen to orders and stops; where the strategy stands at its close."""
        if self._wish is not None:
            self._due -= 1
            if self._due <= 0:
                self._settle(self._wish, candle)
        self._mark(candle)
        under_way = f", {_direction(self._heading)} under way" if self._heading is not self._held else ""
        name = f"in a life: {self._held.name.lower()}{under_way} after {self._since}"
        return Standing(name, self._held, self._heading, self._entry)

    def ask(self, vector: FeatureVector, row: int, standing: Standing) -> Answer:
        """Call the strategy at a row and let its answer take effect."""
        answer = self._asker.ask(vector, row, standing, self._memory)
        if answer.matters and answer.signal is not None:
            self._pursue(answer.signal)
        return answer

    def _pursue(self, signal: Signal) -> None:
        if signal.direction is self._held:
            # Either another stop for what is held, or second thoughts about what is under way.
            self._heading, self._wish = self._held, None
            if self._entry is not None and signal.stop is not None:
                self._entry = msgspec.structs.replace(self._entry, stop=signal.stop)
            return
        fate = FATES[self._turn % len(FATES)]
        self._turn += 1
        if signal.direction is Direction.SHORT and not self._asker.instrument.can_short:
            fate = FATES[0]
        if not fate.candles:
            self._heading, self._wish, self._since = self._held, None, fate.word
            return
        self._heading, self._wish, self._fate, self._due = signal.direction, signal, fate, fate.candles

    def _settle(self, wish: Signal, candle: Candle) -> None:
        """The order is done: at the open of this candle, or not at all."""
        self._wish, self._since = None, self._fate.word
        if self._fate.filled:
            self._held = wish.direction
            self._entry = None
            if wish.direction is not Direction.FLAT:
                self._entry = Entry(candle.open_ns, candle.open, candle.open, candle.open, wish.stop)
        self._heading = self._held

    def _mark(self, candle: Candle) -> None:
        """Extremes since the entry, and the stop if this candle reaches it."""
        entry = self._entry
        if entry is None:
            return
        self._entry = msgspec.structs.replace(
            entry, high=max(entry.high, candle.high), low=min(entry.low, candle.low)
        )
        long = self._held is Direction.LONG
        stopped = entry.stop is not None and (candle.low <= entry.stop if long else candle.high >= entry.stop)
        if stopped or candle.close_ns - entry.at_ns > LONGEST * candle.timeframe.ns:
            self._held = self._heading = Direction.FLAT
            self._entry = self._wish = None
            self._since = "a stop" if stopped else "a close from outside"


def _direction(heading: Direction) -> str:
    return "an exit" if heading is Direction.FLAT else f"a {heading.name.lower()}"
