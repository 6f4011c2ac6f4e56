"""The bus: run to completion, breadth first, bounded, exact."""

from decimal import Decimal, Inexact, getcontext

import pytest

from agentic_trading.core.enums import Direction, Regime, Side, Timeframe
from agentic_trading.core.events import (
    AlarmRang,
    CancelOrder,
    DayStarted,
    Event,
    FeatureVector,
    GapFound,
    OrderTerms,
    RegimeChanged,
    Signal,
    SubmitOrder,
)
from agentic_trading.event_bus.bus import CascadeOverflow, EventBus
from agentic_trading.event_bus.topology import Topology
from bus_agents import Echo

DAY = DayStarted(1)
GAP = GapFound(2, "BTC/USDT", 3)
ALARM = AlarmRang("a", 3)
CANCEL = CancelOrder("1", 4, "BTC/USDT", "why")
SUBMIT = SubmitOrder("2", 4, OrderTerms("s", "BTC/USDT", Side.BUY, Decimal(1)))


def test_delivery_is_breadth_first() -> None:
    """What an agent returns is delivered after everything that was already waiting."""
    order: list[str] = []

    def say(name: str, *answers: Event) -> Echo:
        def answer(event: Event) -> tuple[Event, ...]:
            order.append(f"{name}:{type(event).__name__}")
            return answers if isinstance(event, DayStarted) else ()

        return Echo(name, answer, tuple(type(each) for each in answers))

    first, second = say("first", GAP), say("second", ALARM)
    routes = {DayStarted: [first, second], GapFound: [second], AlarmRang: [first]}
    EventBus(Topology(routes, (DayStarted,))).step(DAY)
    assert order == ["first:DayStarted", "second:DayStarted", "second:GapFound", "first:AlarmRang"]


def test_a_tap_hears_the_whole_cascade_in_order() -> None:
    """A plain list hears every delivery of its types, once each, in the order of delivery."""
    agent = Echo("a", lambda event: (GAP, ALARM) if event is DAY else (), (GapFound, AlarmRang))
    heard: list[Event] = []
    bus = EventBus(
        Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,), (AlarmRang,)),
        [((DayStarted, AlarmRang), heard.append)],
    )
    bus.step(DAY)
    bus.step(DAY)
    assert heard == [DAY, ALARM, DAY, ALARM]


def test_taps_hear_their_types_before_the_agents_do() -> None:
    """A tap is called once for each event of its types, before any agent, and for no other."""
    seen: list[str] = []

    def note(event: Event) -> tuple[Event, ...]:
        seen.append("agent")
        return (GAP,) if event is DAY else ()

    agent = Echo("a", note, (GapFound,))
    bus = EventBus(
        Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,)),
        [((DayStarted,), lambda event: seen.append("tap"))],
    )
    bus.step(DAY)
    assert seen == ["tap", "agent", "agent"]


def test_commands_come_back_in_order_and_only_commands() -> None:
    """A step returns the commands of its cascade in the order in which they were delivered."""
    agent = Echo("a", lambda event: (SUBMIT, GAP, CANCEL), (SubmitOrder, GapFound, CancelOrder))
    bus = EventBus(Topology({DayStarted: [agent]}, (DayStarted,), (GapFound,)))
    assert bus.step(DAY) == [SUBMIT, CANCEL]
    assert bus.step(DAY) == [SUBMIT, CANCEL]


def test_a_command_is_heard_like_any_event() -> None:
    """A command that has listeners is delivered to them and still leaves."""
    ear = Echo("ear")
    agent = Echo("a", lambda event: (CANCEL,), (CancelOrder,))
    bus = EventBus(Topology({DayStarted: [agent], CancelOrder: [ear]}, (DayStarted,)))
    assert bus.step(DAY) == [CANCEL]
    assert ear.heard == [CANCEL]


@pytest.mark.parametrize("event", [GAP, CANCEL], ids=["inner event", "command"])
def test_only_sources_come_from_outside(event: Event) -> None:
    """An event type that is not a source is refused by name and reaches nobody."""
    agent = Echo("a", emits=(GapFound,))
    bus = EventBus(Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,)))
    with pytest.raises(TypeError, match=f"{type(event).__name__} does not come from outside"):
        bus.step(event)
    assert agent.heard == []


def test_an_undeclared_event_is_named() -> None:
    """An agent that returns a type nobody declared stops the cascade with that type's name."""
    agent = Echo("a", lambda event: (ALARM,))
    bus = EventBus(Topology({DayStarted: [agent]}, (DayStarted,)))
    with pytest.raises(TypeError, match="AlarmRang was returned by an agent but declared by none"):
        bus.step(DAY)


def test_agents_that_feed_each_other_are_stopped() -> None:
    """A cascade delivers exactly as many events as the limit allows and then fails by name."""
    agent = Echo("a", lambda event: (GAP,), (GapFound,))
    bus = EventBus(Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,)), cascade_limit=7)
    with pytest.raises(CascadeOverflow, match="DayStarted caused more than 7 events"):
        bus.step(DAY)
    assert len(agent.heard) == 7


def test_a_cascade_may_use_the_whole_limit() -> None:
    """A cascade of exactly the limit is not an overflow, and the limit is per cascade."""
    agent = Echo("a", lambda event: (GAP,) if event is DAY else (), (GapFound,))
    bus = EventBus(Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,)), cascade_limit=2)
    for _ in range(3):
        bus.step(DAY)
    assert len(agent.heard) == 6


def test_a_cascade_that_failed_leaves_nothing_behind() -> None:
    """After a reaction raised, the next event is delivered alone and its commands are its own."""
    trouble = [RuntimeError("no")]

    def fail_once(event: Event) -> tuple[Event, ...]:
        if event is GAP and trouble:
            raise trouble.pop()
        return (CANCEL, GAP) if event is DAY else ()

    agent = Echo("a", fail_once, (CancelOrder, GapFound))
    bus = EventBus(Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,)))
    with pytest.raises(RuntimeError):
        bus.step(DAY)
    assert bus.step(DAY) == [CANCEL]


def test_a_reaction_of_its_own_is_called_in_place_of_react() -> None:
    """An agent that names a reaction for each type hears every event by the one for its type, once."""

    class Sorted(Echo):
        def __init__(self) -> None:
            super().__init__("sorted", emits=(GapFound,))
            self.days: list[Event] = []
            self.gaps: list[Event] = []
            self.reactions = {DayStarted: self.on_day, GapFound: self.on_gap}

        def on_day(self, event: Event) -> tuple[Event, ...]:
            self.days.append(event)
            return (GAP,)

        def on_gap(self, event: Event) -> tuple[Event, ...]:
            self.gaps.append(event)
            return ()

    agent = Sorted()
    EventBus(Topology({DayStarted: [agent], GapFound: [agent]}, (DayStarted,))).step(DAY)
    assert (agent.days, agent.gaps, agent.heard) == ([DAY], [GAP], [])


def test_a_type_without_a_reaction_of_its_own_is_found_before_anything_runs() -> None:
    """An agent that names reactions must name one for each type it is routed; building the bus says so."""
    agent = Echo("a")
    agent.reactions = {}  # type: ignore[attr-defined]
    with pytest.raises(KeyError):
        EventBus(Topology({DayStarted: [agent]}, (DayStarted,)))


def test_decimals_are_exact_inside_and_only_there() -> None:
    """Inside a cascade an operation that would lose a digit raises; outside nothing has changed."""
    outer = getcontext()
    precision = outer.prec

    def divide(event: Event) -> tuple[Event, ...]:
        Decimal(1) / Decimal(3)
        return ()

    bus = EventBus(Topology({DayStarted: [Echo("a", divide)]}, (DayStarted,)))
    with pytest.raises(Inexact):
        bus.step(DAY)
    assert getcontext() is outer
    assert getcontext().prec == precision
    assert Decimal(1) / Decimal(3) != 0


def test_the_callers_context_survives_a_quiet_step() -> None:
    """After a step without trouble the caller's decimal context is the one it had."""
    outer = getcontext()
    seen: list[int] = []
    agent = Echo("a", lambda event: seen.append(getcontext().prec) or ())
    EventBus(Topology({DayStarted: [agent]}, (DayStarted,))).step(DAY)
    assert seen == [60]
    assert getcontext() is outer


# --- the four traps of breadth-first delivery, as bus.py states them ---------------------------


def test_trap_a_reader_sees_only_agents_before_it() -> None:
    """An agent that is listed later has not heard the event yet when an earlier one looks at it."""
    late = Echo("late")
    early = Echo("early", lambda event: seen.append(len(late.heard)) or ())
    seen: list[int] = []
    EventBus(Topology({DayStarted: [early, late]}, (DayStarted,))).step(DAY)
    EventBus(Topology({DayStarted: [late, early]}, (DayStarted,))).step(DAY)
    assert seen == [0, 2]


def test_trap_the_regime_event_comes_after_the_strategies() -> None:
    """Strategies have already seen the feature row when the change of regime is delivered."""
    change = RegimeChanged(5, "BTC/USDT", Timeframe.H1, Regime.UNKNOWN, Regime.TRENDING)
    order: list[str] = []
    detector = Echo("regime", lambda event: (change,), (RegimeChanged,))
    strategy = Echo("strategy", lambda event: order.append(type(event).__name__) or ())
    vector = FeatureVector("BTC/USDT", Timeframe.H1, 5, None, {}, (), Regime.TRENDING)  # type: ignore[arg-type]
    routes = {FeatureVector: [detector, strategy], RegimeChanged: [strategy]}
    EventBus(Topology(routes, (FeatureVector,))).step(vector)
    assert order == ["FeatureVector", "RegimeChanged"]


def test_trap_two_proposals_wait_in_the_queue_together() -> None:
    """Both wishes of one instant are judged before the order of the first has been recorded."""
    order: list[str] = []
    signals = [Signal(name, "BTC/USDT", Direction.LONG) for name in ("a", "b")]
    strategies = Echo("strategies", lambda event: signals, (Signal,))
    risk = Echo("risk", lambda event: order.append("judged") or (SUBMIT,), (SubmitOrder,))
    orders = Echo("orders", lambda event: order.append("recorded") or ())
    EventBus(Topology({DayStarted: [strategies], Signal: [risk], SubmitOrder: [orders]}, (DayStarted,))).step(
        DAY
    )
    assert order == ["judged", "judged", "recorded", "recorded"]


def test_trap_a_reaction_comes_after_what_was_already_caused() -> None:
    """A cancel in answer to one order goes out after its sibling, so only the venue can link the two."""
    both = Echo("both", lambda event: (SUBMIT, SUBMIT), (SubmitOrder,))
    linker = Echo("linker", lambda event: (CANCEL,), (CancelOrder,))
    bus = EventBus(Topology({DayStarted: [both], SubmitOrder: [linker]}, (DayStarted,)))
    assert bus.step(DAY) == [SUBMIT, SUBMIT, CANCEL, CANCEL]
