"""What the venue has to say: its reports in order, and when we learn of them."""

from zlib import crc32

from agentic_trading.core.events import Event
from agentic_trading.core.numerics import log, uniform


def stream_of(symbol: str, purpose: str) -> int:
    """The stream of draws for one purpose on one symbol: other symbols and purposes do not disturb it."""
    return crc32(f"{purpose} {symbol}".encode())


def delay_of(mean_ns: int, seed: int, stream: int, count: int) -> int:
    """An exponential delay with this mean, by inversion; a pure function of seed, stream and count."""
    return int(-log(uniform(seed, stream, count)) * mean_ns)


class Tape:
    """Reports of all symbols in one order; numbers the trades. Reports never overtake each other."""

    def __init__(self, latency_ns: int = 0, jitter_ns: int = 0, seed: int = 0) -> None:
        """``latency_ns`` is how long a report travels, ``jitter_ns`` the mean of what chance adds."""
        self.reports: list[Event] = []
        """What was said and not yet fetched."""
        self.trades = 0
        self.latency_ns = latency_ns
        self._jitter_ns = jitter_ns
        self._seed = seed
        self._stream = stream_of("", "report")
        self._sent = 0
        self._on_the_way: list[tuple[int, Event]] = []
        self.next_ns: int | None = None
        """When the next report that travels is known; None if none does."""

    def next_trade(self) -> str:
        """The id of the next trade."""
        self.trades += 1
        return f"trade-{self.trades}"

    def known(self, now_ns: int) -> list[Event]:
        """Fetch the reports that are known by now, in order."""
        fresh = self.reports
        if fresh:
            self.reports = []
        if not self.latency_ns:
            return fresh
        for report in fresh:
            self._sent += 1
            at_ns: int = report.at_ns + self.latency_ns  # type: ignore[attr-defined]  # every report has it
            if self._jitter_ns:
                at_ns += delay_of(self._jitter_ns, self._seed, self._stream, self._sent)
            last_ns = self._on_the_way[-1][0] if self._on_the_way else 0
            self._on_the_way.append((max(at_ns, last_ns), report))
        count = 0
        while count < len(self._on_the_way) and self._on_the_way[count][0] <= now_ns:
            count += 1
        known = [report for _, report in self._on_the_way[:count]]
        del self._on_the_way[:count]
        self.next_ns = self._on_the_way[0][0] if self._on_the_way else None
        return known
