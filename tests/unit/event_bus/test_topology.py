"""The route table is proved before it runs, and can be drawn."""

import pytest

from agentic_trading.core.events import AlarmRang, CancelOrder, DayStarted, GapFound
from agentic_trading.event_bus.bus import EventBus
from agentic_trading.event_bus.topology import Topology, TopologyError, mermaid, validate
from bus_agents import Echo

SOURCES = (DayStarted,)


def test_a_sound_table_is_accepted() -> None:
    """Listeners, commands and declared ends are all places an event may go."""
    agent = Echo("a", emits=(CancelOrder, GapFound))
    validate(Topology({DayStarted: [agent]}, SOURCES, (GapFound,)))


def test_an_emitted_event_needs_a_place() -> None:
    """An event type that somebody emits and nobody hears is an error by name."""
    with pytest.raises(TopologyError, match="GapFound has neither a listener nor an end"):
        validate(Topology({DayStarted: [Echo("a", emits=(GapFound,))]}, SOURCES))


def test_a_source_needs_a_place() -> None:
    """An event type that comes from outside and goes nowhere is an error by name."""
    with pytest.raises(TopologyError, match="AlarmRang has neither a listener nor an end"):
        validate(Topology({DayStarted: [Echo("a")], AlarmRang: []}, (DayStarted, AlarmRang)))


def test_names_are_unique() -> None:
    """Two agents of one name are an error, on one route or on two; one agent on two routes is not."""
    one, other = Echo("a"), Echo("a", emits=(GapFound,))
    with pytest.raises(TopologyError, match="two agents are called a"):
        validate(Topology({DayStarted: [one], GapFound: [other]}, SOURCES))
    validate(Topology({DayStarted: [other], GapFound: [other]}, SOURCES))


def test_nobody_hears_an_event_twice() -> None:
    """One agent listed twice on a route is an error."""
    agent = Echo("a")
    with pytest.raises(TopologyError, match="DayStarted is routed to one agent twice: a, a"):
        validate(Topology({DayStarted: [agent, agent]}, SOURCES))


def test_a_reader_comes_after_what_it_reads() -> None:
    """On every route that both hear, the agent that is read comes first."""
    ledger, risk = Echo("ledger"), Echo("risk", reads=("ledger",))
    validate(Topology({DayStarted: [ledger, risk]}, SOURCES))
    with pytest.raises(TopologyError, match="on DayStarted, risk reads ledger, which is listed after it"):
        validate(Topology({DayStarted: [risk, ledger]}, SOURCES))


def test_the_order_is_checked_on_every_route() -> None:
    """A route that is wrong is found among routes that are right."""
    ledger, risk = Echo("ledger"), Echo("risk", reads=("ledger",))
    with pytest.raises(TopologyError, match="on GapFound, risk reads ledger"):
        validate(Topology({DayStarted: [ledger, risk], GapFound: [risk, ledger]}, SOURCES))


def test_what_is_read_must_exist() -> None:
    """An agent that reads one that is not in the table is an error."""
    with pytest.raises(TopologyError, match="risk reads ledger, which is not in the table"):
        validate(Topology({DayStarted: [Echo("risk", reads=("ledger",))]}, SOURCES))


def test_an_unsound_table_never_runs() -> None:
    """The bus refuses to be built from a table that does not hold."""
    with pytest.raises(TopologyError):
        EventBus(Topology({DayStarted: [Echo("a", emits=(GapFound,))]}, SOURCES))


def test_the_diagram_says_what_the_table_says() -> None:
    """Every route with its order, every emission and the outbox are in the Mermaid text, and no more."""
    ledger = Echo("ledger")
    strategy = Echo("strategy:ema cross", emits=(CancelOrder,), reads=("ledger",))
    lines = mermaid(Topology({DayStarted: [ledger, strategy]}, SOURCES)).splitlines()
    assert lines == [
        "flowchart LR",
        "    DayStarted([DayStarted]) -- 1 --> ledger[ledger]",
        "    DayStarted([DayStarted]) -- 2 --> strategy_ema_cross[strategy:ema cross]",
        "    strategy_ema_cross[strategy:ema cross] --> CancelOrder([CancelOrder])",
        "    SubmitOrder([SubmitOrder]) --> outbox[/outbox/]",
        "    AmendOrder([AmendOrder]) --> outbox[/outbox/]",
        "    CancelOrder([CancelOrder]) --> outbox[/outbox/]",
    ]
