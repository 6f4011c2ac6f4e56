"""Who hears what, in which order: one table, proved before it runs and printable as a diagram."""

from collections.abc import Mapping, Sequence
from typing import get_args

import msgspec

from agentic_trading.core.events import AnyEvent, Command, Event
from agentic_trading.core.interfaces import Agent

Routes = Mapping[type[Event], Sequence[Agent]]

COMMANDS: tuple[type[Event], ...] = get_args(Command)
"""Events that leave the core through the outbox."""


class TopologyError(Exception):
    """The wiring cannot be right; a bug of whoever wrote the table."""


class Topology(msgspec.Struct, frozen=True):
    """The route table. ``ends`` lists the event types that are facts for the record only.

    ``sources`` are the event types that come from outside; the bus accepts no others.
    """

    routes: Routes
    sources: tuple[type[Event], ...]
    ends: tuple[type[Event], ...] = ()

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Every agent once, in order of first appearance."""
        return tuple({agent.name: agent for heard in self.routes.values() for agent in heard}.values())


def validate(topology: Topology) -> None:
    """Raise TopologyError unless the table is complete and every agent reads only agents before it.

    Checked: every event type has a listener, is a command or is declared to end; every emitted type
    is routed; names are unique; and on every route on which a reader and the agent it reads both
    listen, the agent that is read comes first.
    """
    _every_event_has_a_place(topology)
    _names_are_unique(topology)
    names = {agent.name for agent in topology.agents}
    for event, heard in topology.routes.items():
        order = [agent.name for agent in heard]
        if len(set(order)) != len(order):
            raise TopologyError(f"{event.__name__} is routed to one agent twice: {', '.join(order)}")
        for position, agent in enumerate(heard):
            for read in agent.reads:
                if read not in names:
                    raise TopologyError(f"{agent.name} reads {read}, which is not in the table")
                if read in order[position + 1 :]:
                    raise TopologyError(
                        f"on {event.__name__}, {agent.name} reads {read}, which is listed after it"
                    )


def _every_event_has_a_place(topology: Topology) -> None:
    known: tuple[type[Event], ...] = get_args(AnyEvent)
    produced = {kind for agent in topology.agents for kind in agent.emits} | set(topology.sources)
    for kind in known:
        placed = bool(topology.routes.get(kind)) or kind in topology.ends or kind in COMMANDS
        if kind in produced and not placed:
            raise TopologyError(f"{kind.__name__} has neither a listener nor an end")


def _names_are_unique(topology: Topology) -> None:
    seen: dict[str, Agent] = {}
    for heard in topology.routes.values():
        for agent in heard:
            if seen.setdefault(agent.name, agent) is not agent:
                raise TopologyError(f"two agents are called {agent.name}")


def mermaid(topology: Topology) -> str:
    """The table as a Mermaid flowchart: events are rounded, agents square, numbers give the order."""
    lines = ["flowchart LR"]
    for event, heard in topology.routes.items():
        for position, agent in enumerate(heard, start=1):
            lines.append(f"    {event.__name__}([{event.__name__}]) -- {position} --> {_node(agent)}")
    for agent in topology.agents:
        for kind in agent.emits:
            lines.append(f"    {_node(agent)} --> {kind.__name__}([{kind.__name__}])")
    for kind in COMMANDS:
        lines.append(f"    {kind.__name__}([{kind.__name__}]) --> outbox[/outbox/]")
    return "\n".join(lines) + "\n"


def _node(agent: Agent) -> str:
    identity = agent.name.replace(" ", "_").replace(":", "_")
    return f"{identity}[{agent.name}]"
