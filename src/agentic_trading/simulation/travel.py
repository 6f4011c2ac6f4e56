"""Commands on their way to the simulated venue: sent now, there after the latency of their symbol."""

from collections.abc import Mapping

from agentic_trading.core.events import CancelOrder, Event, SubmitOrder
from agentic_trading.core.models import Candle
from agentic_trading.simulation.resting import MarketModel

Command = SubmitOrder | CancelOrder


class Travel:
    """What was sent and has not arrived; of commands that arrive together the first sent is the first."""

    def __init__(self, models: Mapping[str, MarketModel]) -> None:
        self._models = models
        self._on_the_way: list[tuple[int, int, str, Command]] = []
        self._sent = 0

    def __bool__(self) -> bool:
        return bool(self._on_the_way)

    @property
    def next_ns(self) -> int | None:
        """When the next command arrives; None if none travels."""
        return min((at_ns for at_ns, *_ in self._on_the_way), default=None)

    @property
    def symbols(self) -> list[str]:
        """Symbols for which something travels."""
        return [symbol for _, _, symbol, _ in self._on_the_way]

    def send(self, command: Event) -> None:
        """Let a command leave; raises TypeError for an event that is none."""
        if isinstance(command, SubmitOrder):
            symbol = command.terms.symbol
        elif isinstance(command, CancelOrder):
            symbol = command.symbol
        else:
            raise TypeError(f"{type(command).__name__} is not a command")
        self._sent += 1
        at_ns = command.at_ns + self._models[symbol].latency_ns
        self._on_the_way.append((at_ns, self._sent, symbol, command))

    def arrivals(self, candle: Candle) -> list[tuple[int, Command]]:
        """Commands for this symbol that arrive before the candle closes, by time, none before its open."""
        due: list[tuple[int, int, str, Command]] = []
        later: list[tuple[int, int, str, Command]] = []
        for item in self._on_the_way:
            mine = item[2] == candle.symbol and item[0] < candle.close_ns
            (due if mine else later).append(item)
        self._on_the_way = later
        due.sort(key=lambda item: item[:2])
        return [(max(at_ns, candle.open_ns), command) for at_ns, _, _, command in due]
