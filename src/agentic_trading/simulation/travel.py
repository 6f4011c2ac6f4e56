"""Commands on their way to the simulated venue: sent now, there after the latency of their symbol."""

from collections.abc import Mapping

import msgspec

from agentic_trading.core.events import AmendOrder, CancelOrder, Event, SubmitOrder
from agentic_trading.simulation.resting import MarketModel
from agentic_trading.simulation.tape import delay_of, stream_of


class Expiry(msgspec.Struct, frozen=True):
    """The end of a good-till-date order: the venue acts by itself, whatever travels for the order."""

    order_id: str
    reason: str = "expired"


Command = SubmitOrder | AmendOrder | CancelOrder | Expiry


class Travel:
    """What was sent and has not arrived; of commands that arrive together the first sent is the first.

    Commands for one order never overtake each other.
    """

    def __init__(self, models: Mapping[str, MarketModel]) -> None:
        self._models = models
        self._on_the_way: dict[str, list[tuple[int, Command]]] = {}
        self._drawn: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._on_the_way)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._on_the_way

    @property
    def next_ns(self) -> int | None:
        """When the next command arrives; None if none travels."""
        first = None
        for commands in self._on_the_way.values():
            if first is None or commands[0][0] < first:
                first = commands[0][0]
        return first

    def send(self, command: Event) -> str:
        """Let a command leave and return its symbol; raises TypeError for an event that is none."""
        if isinstance(command, SubmitOrder):
            symbol = command.terms.symbol
            model = self._models[symbol]
            latency = model.latency_ns
        elif isinstance(command, AmendOrder | CancelOrder):
            symbol = command.symbol
            model = self._models[symbol]
            own = model.cancel_latency_ns if isinstance(command, CancelOrder) else model.amend_latency_ns
            latency = model.latency_ns if own is None else own
        else:
            raise TypeError(f"{type(command).__name__} is not a command")
        at_ns = command.at_ns + latency + (self._jitter(symbol, model) if model.jitter_ns else 0)
        for earlier_ns, earlier in self._on_the_way.get(symbol, ()):
            if earlier.order_id == command.order_id and type(earlier) is not Expiry:
                at_ns = max(at_ns, earlier_ns)
        self.arrive(symbol, at_ns, command)
        return symbol

    def arrive(self, symbol: str, at_ns: int, command: Command) -> None:
        """Let a command arrive at a time, after what arrives then already."""
        commands = self._on_the_way.get(symbol)
        if commands is None:
            self._on_the_way[symbol] = [(at_ns, command)]
        else:
            commands.append((at_ns, command))
            commands.sort(key=_arrival)  # stable: what arrives together stays in the order of sending

    def arrives_before(self, symbol: str, before_ns: int) -> bool:
        """Whether a command for the symbol arrives before a time."""
        commands = self._on_the_way.get(symbol)
        return commands is not None and commands[0][0] < before_ns

    def next_before(self, symbol: str, before_ns: int) -> tuple[int, Command] | None:
        """Take the next command for the symbol that arrives before a time, with its own time."""
        commands = self._on_the_way.get(symbol)
        if commands is None or commands[0][0] >= before_ns:
            return None
        first = commands.pop(0)
        if not commands:
            del self._on_the_way[symbol]
        return first

    def _jitter(self, symbol: str, model: MarketModel) -> int:
        """An exponential delay, by inversion."""
        count = self._drawn[symbol] = self._drawn.get(symbol, 0) + 1
        return delay_of(model.jitter_ns, model.seed, stream_of(symbol, "latency"), count)


def _arrival(sent: tuple[int, Command]) -> int:
    return sent[0]
