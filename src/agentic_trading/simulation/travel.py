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
        self._on_the_way: dict[str, list[tuple[int, Command]]] = {}

    def __bool__(self) -> bool:
        return bool(self._on_the_way)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._on_the_way

    @property
    def next_ns(self) -> int | None:
        """When the next command arrives; None if none travels."""
        first = None
        for commands in self._on_the_way.values():
            for at_ns, _ in commands:
                if first is None or at_ns < first:
                    first = at_ns
        return first

    def send(self, command: Event) -> str:
        """Let a command leave and return its symbol; raises TypeError for an event that is none."""
        if isinstance(command, SubmitOrder):
            symbol = command.terms.symbol
        elif isinstance(command, CancelOrder):
            symbol = command.symbol
        else:
            raise TypeError(f"{type(command).__name__} is not a command")
        sent = (command.at_ns + self._models[symbol].latency_ns, command)
        commands = self._on_the_way.get(symbol)
        if commands is None:
            self._on_the_way[symbol] = [sent]
        else:
            commands.append(sent)
            commands.sort(key=_arrival)  # stable: what arrives together stays in the order of sending
        return symbol

    def arrivals(self, candle: Candle) -> list[tuple[int, Command]]:
        """Commands for this symbol that arrive before the candle closes, by time, none before its open."""
        commands = self._on_the_way.get(candle.symbol)
        if commands is None or commands[0][0] >= candle.close_ns:
            return []
        if commands[-1][0] < candle.close_ns:
            del self._on_the_way[candle.symbol]
            due = commands
        else:
            due = [sent for sent in commands if sent[0] < candle.close_ns]
            self._on_the_way[candle.symbol] = commands[len(due) :]
        open_ns = candle.open_ns
        if due[0][0] >= open_ns:
            return due
        return [(max(at_ns, open_ns), command) for at_ns, command in due]


def _arrival(sent: tuple[int, Command]) -> int:
    return sent[0]
