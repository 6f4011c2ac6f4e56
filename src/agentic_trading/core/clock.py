"""Time as an argument: the core is told what time it is."""

import time
from datetime import UTC, datetime


class ReplayClock:
    """The clock of a replay; it shows what the driver last set and only moves forward."""

    def __init__(self, now_ns: int = 0) -> None:
        self.now_ns = now_ns

    def advance(self, now_ns: int) -> None:
        """Set the time; raises ValueError if it would run backwards."""
        if now_ns < self.now_ns:
            raise ValueError(f"replayed time ran backwards: {now_ns} after {self.now_ns}")
        self.now_ns = now_ns


class WallClock:
    """The clock of paper and live: nanoseconds since the epoch, UTC."""

    @property
    def now_ns(self) -> int:
        return time.time_ns()

    def sleep(self, seconds: float) -> None:
        """Wait, before asking a venue again."""
        time.sleep(seconds)


def iso(at_ns: int) -> str:
    """``2024-01-31 13:05:00`` in UTC, for people; seconds are enough for them."""
    return datetime.fromtimestamp(at_ns // 1_000_000_000, tz=UTC).strftime("%Y-%m-%d %H:%M:%S")
