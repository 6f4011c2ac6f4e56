"""Run to completion: one external event and everything it causes, before the next is looked at.

Delivery is breadth first: what an agent returns is queued behind what is already waiting. Four traps
follow, each with its answer:

* An agent may see another agent's state from before or after the current event. So a handler reads
  only agents listed before it on the route; ``topology.validate`` proves it.
* ``RegimeChanged`` is still in the queue when strategies look. So the regime is read from the feature
  row, never from the delivery of that event.
* Two proposals can wait in the queue together, both sized on the same book. So risk reserves what it
  approves, before the order manager has heard of it.
* A reaction is always too late to enforce one-cancels-other or reduce-only. So the venue does.

Inside a cascade decimals are exact: an operation that would lose a digit raises (`core.money`).
"""

from collections import deque
from collections.abc import Callable, Iterable
from decimal import getcontext, setcontext

from agentic_trading.core.events import Event
from agentic_trading.core.money import EXACT
from agentic_trading.event_bus.topology import COMMANDS, Topology, validate

Tap = Callable[[int, int, Event], None]
"""Called with (number, number of the cause, event); listens, never answers."""

CASCADE_LIMIT = 100_000


class CascadeOverflow(Exception):
    """One external event caused more events than the limit: two agents feed each other."""


class EventBus:
    """Delivers events along the topology, numbers them, and collects the commands they end in."""

    def __init__(
        self,
        topology: Topology,
        taps: Iterable[tuple[tuple[type[Event], ...], Tap]] = (),
        cascade_limit: int = CASCADE_LIMIT,
    ) -> None:
        """``taps`` are pairs of (event types, tap); raises TopologyError if the table is not sound."""
        validate(topology)
        listening = list(taps)
        emitted = [kind for agent in topology.agents for kind in agent.emits]
        kinds = [*topology.routes, *topology.sources, *topology.ends, *COMMANDS, *emitted]
        self._routes = {
            kind: (
                [agent.react for agent in topology.routes.get(kind, ())],
                [tap for heard, tap in listening if kind in heard],
                kind in COMMANDS,
            )
            for kind in kinds
        }
        self._sources = frozenset(topology.sources)
        self._limit = cascade_limit
        self._number = 0

    def step(self, event: Event) -> list[Event]:
        """Deliver one external event and all it causes; returns the commands for the outbox.

        Raises CascadeOverflow past the cascade limit, TypeError for an event that is not a source or that
        no agent declared. Numbers are used once, also those of a cascade that failed.
        """
        if type(event) not in self._sources:
            raise TypeError(f"{type(event).__name__} does not come from outside")
        outer = getcontext()
        if outer is EXACT:
            return self._run(event)
        setcontext(EXACT)
        try:
            return self._run(event)
        finally:
            setcontext(outer)

    def _run(self, first: Event) -> list[Event]:
        commands: list[Event] = []
        queue: deque[tuple[int, Event]] = deque(((0, first),))
        routes = self._routes
        number = self._number
        last = number + self._limit
        try:
            while queue:
                cause, event = queue.popleft()
                if number == last:
                    raise CascadeOverflow(f"{type(first).__name__} caused more than {self._limit} events")
                number += 1
                route = routes.get(type(event))
                if route is None:
                    raise TypeError(f"{type(event).__name__} was returned by an agent but declared by none")
                reactions, taps, is_command = route
                for tap in taps:
                    tap(number, cause, event)
                if is_command:
                    commands.append(event)
                for react in reactions:
                    for caused in react(event):
                        queue.append((number, caused))
        finally:
            self._number = number
        return commands
