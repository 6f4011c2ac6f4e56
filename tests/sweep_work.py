"""Work for worker processes: what they can import, and how they die on order."""

import os
import signal
from pathlib import Path

import numpy as np

from agentic_trading.core.errors import TradingError
from agentic_trading.core.models import FloatArray

DEATH = 9


class Work:
    """Squares numbers; dies over those named, once or always, and refuses negative ones.

    ``folder`` remembers between processes how often each number was begun. ``by_signal`` dies as one
    does whom the operating system kills.
    """

    def __init__(
        self,
        folder: Path,
        once: tuple[int, ...] = (),
        always: tuple[int, ...] = (),
        *,
        by_signal: bool = False,
    ) -> None:
        self._folder = folder
        self._once = once
        self._always = always
        self._by_signal = by_signal

    def __call__(self, number: int) -> int:
        deadly = number in self._always or (number in self._once and not self.begun(number))
        with (self._folder / str(number)).open("a", encoding="utf-8") as file:
            file.write("x")
        if deadly and self._by_signal:
            os.kill(os.getpid(), signal.SIGKILL)
        if deadly:
            os._exit(DEATH)
        if number < 0:
            raise TradingError(f"{number} is below zero")
        return number * number

    def begun(self, number: int) -> int:
        """How often work on a number was begun."""
        file = self._folder / str(number)
        return len(file.read_text(encoding="utf-8")) if file.exists() else 0


class Sums:
    """Adds numbers to an array it has and says what it found there before, and whether memory is its own."""

    def __init__(self, array: FloatArray) -> None:
        self._array = array

    def __call__(self, number: float) -> tuple[float, bool]:
        found = float(self._array[0])
        self._array += number
        return found, bool(self._array.flags.owndata)


def ones(count: int) -> Sums:
    """Work on so many ones."""
    return Sums(np.ones(count))
