"""Commands on their way to the simulated venue: sent now, there after the latency of their symbol."""

from collections.abc import Mapping
from operator import itemgetter

import msgspec

from agentic_trading.core.events import AmendOrder, CancelOrder, Event, SubmitOrder
from agentic_trading.simulation.resting import MarketModel
from agentic_trading.simulation.tape import delay_of, stream_of


class Expiry(msgspec.Struct, frozen=True, gc=False):
    """The end of a good-till-date order: the venue acts by itself, whatever travels for the order."""

    order_id: str
    reason: str = "expired"


Command = SubmitOrder | AmendOrder | CancelOrder | Expiry
_ARRIVAL = itemgetter(0)


class Travel:
    """What was sent and has not arrived; of commands that arrive together the first sent is the first.

    Commands for one order never overtake each other.
    """

    def __init__(self, models: Mapping[str, MarketModel]) -> None:
        self._models = models
        self.queues: dict[str, list[tuple[int, Command]]] = {symbol: [] for symbol in models}
        """By symbol the commands and when they arrive, the next first; who carries one out takes it off."""
        self._drawn: dict[str, int] = {}

    def send(self, command: Event) -> str:
        """Let a command leave and return its symbol; raises TypeError for an event that is none."""
        if type(command) is SubmitOrder:
            symbol = command.terms.symbol
            model = self._models[symbol]
            at_ns = command.at_ns + model.latency_ns
        elif isinstance(command, AmendOrder | CancelOrder):
            symbol = command.symbol
            model = self._models[symbol]
            own = model.cancel_latency_ns if isinstance(command, CancelOrder) else model.amend_latency_ns
            at_ns = command.at_ns + (model.latency_ns if own is None else own)
        else:
            raise TypeError(f"{type(command).__name__} is not a command")
        if model.jitter_ns:
            at_ns += self._jitter(symbol, model)
        queue = self.queues[symbol]
        if queue:
            for earlier_ns, earlier in queue:
                if earlier.order_id == command.order_id and type(earlier) is not Expiry:
                    at_ns = max(at_ns, earlier_ns)
            self.arrive(symbol, at_ns, command)
        else:
            queue.append((at_ns, command))
        return symbol

    def arrive(self, symbol: str, at_ns: int, command: Command) -> None:
        """Let a command arrive at a time, after what arrives then already."""
        queue = self.queues[symbol]
        queue.append((at_ns, command))
        queue.sort(key=_ARRIVAL)  # stable: what arrives together stays in the order of sending

    def _jitter(self, symbol: str, model: MarketModel) -> int:
        """An exponential delay, by inversion."""
        count = self._drawn[symbol] = self._drawn.get(symbol, 0) + 1
        return delay_of(model.jitter_ns, model.seed, stream_of(symbol, "latency"), count)
