"""Work for worker processes: what they can import, and how they die on order."""

import os
from pathlib import Path

from agentic_trading.core.errors import TradingError

DEATH = 9


class Work:
    """Squares numbers; dies over those named, once or always, and refuses negative ones.

    ``folder`` remembers between processes which numbers were begun.
    """

    def __init__(self, folder: Path, once: tuple[int, ...] = (), always: tuple[int, ...] = ()) -> None:
        self._folder = folder
        self._once = once
        self._always = always

    def __call__(self, number: int) -> int:
        begun = self._folder / str(number)
        if number in self._always or (number in self._once and not begun.exists()):
            begun.touch()
            os._exit(DEATH)
        if number < 0:
            raise TradingError(f"{number} is below zero")
        return number * number
