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

from collections.abc import Callable, Iterable, Mapping
from decimal import getcontext
from itertools import islice
from typing import Any, NoReturn

from agentic_trading.core.events import Event
from agentic_trading.core.interfaces import Agent
from agentic_trading.core.money import EXACT, exact
from agentic_trading.event_bus.topology import COMMANDS, Topology, validate

Reaction = Callable[[Any], Iterable[Event]]
Tap = Callable[[Any], object]
"""Called with each event of its types; listens, never answers. A plain ``list.append`` is one."""

CASCADE_LIMIT = 100_000


class CascadeOverflow(Exception):
    """One external event caused more events than the limit: two agents feed each other."""


class _Routes(dict[type[Event], tuple[tuple[Tap, ...], tuple[Reaction, ...], bool]]):
    """Who hears an event of a type: taps, reactions, and whether it leaves through the outbox."""

    def __missing__(self, kind: type[Event]) -> NoReturn:
        raise TypeError(f"{kind.__name__} was returned by an agent but declared by none")


class EventBus:
    """Delivers events along the topology and collects the commands they end in."""

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
        self._routes = _Routes(
            (
                kind,
                (
                    tuple(tap for heard, tap in listening if kind in heard),
                    tuple(_reaction(agent, kind) for agent in topology.routes.get(kind, ())),
                    kind in COMMANDS,
                ),
            )
            for kind in kinds
        )
        self._sources = frozenset(topology.sources)
        self._limit = cascade_limit

    def step(self, event: Event) -> list[Event]:
        """Deliver one external event and all it causes; returns the commands for the outbox.

        Raises CascadeOverflow past the cascade limit, TypeError for an event that is not a source or that
        no agent declared.
        """
        if type(event) not in self._sources:
            raise TypeError(f"{type(event).__name__} does not come from outside")
        if getcontext() is not EXACT:
            with exact():
                return self.step(event)
        routes = self._routes
        commands: list[Event] = []
        cascade = [event]
        for each in islice(cascade, self._limit):  # grows while it is walked: that is breadth first
            taps, reactions, is_command = routes[type(each)]
            for tap in taps:
                tap(each)
            if is_command:
                commands.append(each)
            for react in reactions:
                cascade += react(each)
        if len(cascade) > self._limit:
            raise CascadeOverflow(f"{type(event).__name__} caused more than {self._limit} events")
        return commands


def _reaction(agent: Agent, kind: type[Event]) -> Reaction:
    """What an agent does about a type of event: its reaction to that type alone, if it names one."""
    own: Mapping[type[Event], Reaction] | None = getattr(agent, "reactions", None)
    return agent.react if own is None else own[kind]
