"""Replayed time: the order of things within an instant, alarms, funding, days, holes and the end."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal

import numpy as np
import pytest

from agentic_trading.backtester.replay import FundingStamp, Replay
from agentic_trading.backtester.timeline import build_timeline
from agentic_trading.core.clock import ReplayClock
from agentic_trading.core.enums import DAY_NS, HOUR_NS, Timeframe
from agentic_trading.core.events import (
    Alarm,
    AlarmRang,
    Bankrupt,
    CancelOrder,
    CandlesClosed,
    DayStarted,
    Event,
    Funding,
    GapFound,
    OrderAccepted,
    OrderTerms,
    SubmitOrder,
)
from agentic_trading.core.models import Candle, CandleColumns, Instrument
from agentic_trading.simulation.venue import SimulatedVenue
from venue_market import BUY, PERPETUAL, START_NS, instrument, model

OTHER = "ETH/USDT:USDT"


def hours(at: Iterable[int], symbol: str = PERPETUAL, timeframe: Timeframe = Timeframe.H1) -> CandleColumns:
    """Candles opening at these hours, at a price of 100 plus the hour."""
    opens = np.array(list(at), dtype=np.int64)
    price = 100.0 + opens
    bars = np.array([price, price + 1, price - 1, price + 0.5, price * 0 + 1000])
    starts = [
        row for row in range(len(opens)) if row == 0 or opens[row] != opens[row - 1] + timeframe.ns // HOUR_NS
    ]
    return CandleColumns(
        symbol, timeframe, START_NS + opens * HOUR_NS, bars, np.zeros(len(opens), bool), np.array(starts)
    )


class Bus:
    """Notes what it is told, by hour, and answers with commands or alarms when asked to."""

    def __init__(self, answer: Callable[[Event], Sequence[Event]] = lambda event: ()) -> None:
        self.told: list[Event] = []
        self.tap: Callable[[Event], None] = lambda event: None
        self._answer = answer

    def step(self, event: Event) -> list[Event]:
        self.told.append(event)
        commands = []
        for each in self._answer(event):
            if isinstance(each, SubmitOrder | CancelOrder):
                commands.append(each)
            else:
                self.tap(each)
        return commands

    @property
    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.told]

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.told if isinstance(event, kind)]


class ReportingVenue:
    """A venue that accepts an order at every close and pays funding at every stamp; notes its calls."""

    def __init__(self, *busy: str) -> None:
        """``busy`` are the symbols on which it says that something travels or rests."""
        self.busy = busy or (PERPETUAL,)
        self.calls: list[str] = []

    def send(self, command: Event) -> None:
        self.calls.append(f"send {type(command).__name__}")

    def pass_candles(self, candles: Iterable[Candle], now_ns: int) -> list[Event]:
        self.calls.append("pass " + ",".join(candle.symbol for candle in candles))
        return [OrderAccepted("A", 0)]

    def fund(self, symbol: str, at_ns: int, rate: float, mark: float) -> Event | None:
        self.calls.append(f"fund {symbol} {(at_ns - START_NS) / HOUR_NS:g} at {mark:g}")
        return Funding(at_ns, symbol, Decimal(0), Decimal(0), Decimal(1), Decimal(0))


def replayed(
    columns: Sequence[CandleColumns],
    venue: ReportingVenue | SimulatedVenue | None = None,
    funding: Sequence[FundingStamp] = (),
    bus: Bus | None = None,
    first: int = 0,
) -> tuple[Bus, Replay]:
    bus = bus or Bus()
    replay = Replay(build_timeline(columns), ReplayClock(), venue or ReportingVenue(), funding)
    ((_, bus.tap),) = replay.taps
    replay.run(bus, first)
    return bus, replay


def stamp(
    hour: float, mark: float | None = None, symbol: str = PERPETUAL, rate: float = 0.0001
) -> FundingStamp:
    return FundingStamp(START_NS + round(hour * HOUR_NS), symbol, rate, mark)


def in_hours(events: Iterable[Event]) -> list[float]:
    return [(event.at_ns - START_NS) / HOUR_NS for event in events]  # type: ignore[attr-defined]


# --- one instant ------------------------------------------------------------------------------


def test_the_order_within_one_instant() -> None:
    """Venue reports, funding, candles, gaps, alarms, day boundary; the same at every instant."""

    def ask(event: Event) -> Sequence[Event]:
        once = isinstance(event, CandlesClosed) and event.at_ns == START_NS + HOUR_NS
        return [Alarm("wake", START_NS + 24 * HOUR_NS)] if once else ()

    bus, _ = replayed([hours([0, 23])], funding=[stamp(24)], bus=Bus(ask))
    assert bus.kinds == [
        "OrderAccepted", "CandlesClosed",
        "OrderAccepted", "Funding", "CandlesClosed", "GapFound", "AlarmRang", "DayStarted",
    ]  # fmt: skip


def test_all_symbols_of_an_instant_are_one_event() -> None:
    """Candles that close together come together, in the order of the symbols, and pass the venue together."""
    venue = ReportingVenue(PERPETUAL, OTHER)
    bus, _ = replayed([hours([0, 1]), hours([1, 2], OTHER)], venue)
    closed = [event for event in bus.told if isinstance(event, CandlesClosed)]
    assert [[candle.symbol for candle in event.candles] for event in closed] == [
        [PERPETUAL], [PERPETUAL, OTHER], [OTHER],
    ]  # fmt: skip
    assert venue.calls == [f"pass {PERPETUAL}", f"pass {PERPETUAL},{OTHER}", f"pass {OTHER}"]


def test_only_candles_that_can_matter_pass_the_venue() -> None:
    """The venue sees the candles of symbols on which it is busy; while it is idle it is not even asked."""
    venue = ReportingVenue(OTHER)
    replayed([hours([0, 1]), hours([0, 1], OTHER)], venue)
    assert venue.calls == [f"pass {OTHER}"] * 2
    idle = ReportingVenue()
    idle.busy = ()
    bus, _ = replayed([hours([0, 1])], idle)
    assert (idle.calls, bus.kinds) == ([], ["CandlesClosed"] * 2)


def test_the_clock_shows_the_close_and_commands_leave_at_once() -> None:
    """At delivery the clock shows the instant; what is answered reaches the venue before the next event."""
    clock = ReplayClock()
    shown: list[int] = []

    def order(event: Event) -> Sequence[Event]:
        shown.append(clock.now_ns)
        return [SubmitOrder("A", clock.now_ns, OrderTerms("s", PERPETUAL, BUY, Decimal(1)))]

    venue = ReportingVenue()
    Replay(build_timeline([hours([0, 1])]), clock, venue).run(Bus(order), 0)
    assert shown == [START_NS + hour * HOUR_NS for hour in (1, 1, 2, 2)]
    assert venue.calls == [f"pass {PERPETUAL}", *["send SubmitOrder"] * 2] * 2


def test_a_run_may_begin_later() -> None:
    """Rows before the first are not replayed: no candle, no gap, no funding of theirs."""
    bus, _ = replayed([hours([0, 3, 4, 5])], funding=[stamp(hour, 100.0) for hour in (1, 4, 5)], first=2)
    assert in_hours(bus.of(CandlesClosed)) == [5, 6]
    assert in_hours(bus.of(Funding)) == [5]
    assert not bus.of(GapFound)


def test_gaps_are_told_after_the_candle_that_ends_them() -> None:
    """A hole is told once, with its length, at the first close after it."""
    bus, _ = replayed([hours([0, 1, 5, 6])])
    assert bus.of(GapFound) == [GapFound(START_NS + 6 * HOUR_NS, PERPETUAL, 3)]


# --- alarms -----------------------------------------------------------------------------------


def test_alarms_ring_once_at_the_first_instant_at_or_after() -> None:
    """An alarm rings at its time or at the next close after it; by time, then in the order of asking."""
    wanted = [Alarm("hole", 5 * HOUR_NS), Alarm("inside", HOUR_NS * 3 // 2), Alarm("sharp", 3 * HOUR_NS),
              Alarm("again", 3 * HOUR_NS), Alarm("never", 99 * HOUR_NS)]  # fmt: skip

    def ask(event: Event) -> Sequence[Event]:
        if isinstance(event, CandlesClosed) and event.at_ns == START_NS + HOUR_NS:
            return [Alarm(each.key, START_NS + each.at_ns) for each in wanted]
        return ()

    bus, _ = replayed([hours([0, 1, 2, 7, 8])], bus=Bus(ask))
    rang: list[tuple[float, str]] = []
    now = 0.0
    for event in bus.told:
        if isinstance(event, CandlesClosed):
            now = (event.at_ns - START_NS) / HOUR_NS
        elif isinstance(event, AlarmRang):
            rang.append((now, event.key))
    assert rang == [(2, "inside"), (3, "sharp"), (3, "again"), (8, "hole")]
    assert in_hours(bus.of(AlarmRang)) == [1.5, 3, 3, 5]


def test_an_alarm_for_now_rings_now() -> None:
    """Asked for during an instant and due by then, it rings in that instant."""
    bus, _ = replayed(
        [hours([0, 1])],
        bus=Bus(lambda event: [Alarm("now", event.at_ns)] if isinstance(event, CandlesClosed) else ()),
    )
    assert bus.kinds == ["OrderAccepted", "CandlesClosed", "AlarmRang"] * 2


# --- funding ----------------------------------------------------------------------------------


def test_funding_without_a_mark_uses_the_last_close() -> None:
    """The mark of the stamp counts, without one the last close; before any close nothing is paid."""
    venue = ReportingVenue()
    stamps = [stamp(1), stamp(1, 77.0, OTHER), stamp(1.5), stamp(2, 88.0), stamp(2, None, OTHER), stamp(4)]
    replayed([hours([0, 1, 5]), hours([0, 1, 5], OTHER)], venue, stamps[:1] + stamps[1:])
    assert [call for call in venue.calls if call.startswith("fund")] == [
        f"fund {PERPETUAL} 1 at 100.5",
        f"fund {OTHER} 1 at 77",
        f"fund {PERPETUAL} 1.5 at 101.5",
        f"fund {PERPETUAL} 2 at 88",
        f"fund {OTHER} 2 at 101.5",
        f"fund {PERPETUAL} 4 at 101.5",
    ]
    late = ReportingVenue()
    replayed([hours([0, 1]), hours([1], OTHER)], late, [stamp(1, None, OTHER)])
    assert not [call for call in late.calls if call.startswith("fund")]


def orders_at(**commands: tuple[int, str]) -> Callable[[Event], Sequence[Event]]:
    """Market orders by id: at the close of which hour, and the signed quantity bought."""

    def answer(event: Event) -> Sequence[Event]:
        if not isinstance(event, CandlesClosed):
            return ()
        return [
            SubmitOrder(name, event.at_ns, _terms(Decimal(lots)))
            for name, (hour, lots) in commands.items()
            if event.at_ns == START_NS + hour * HOUR_NS
        ]

    return answer


def _terms(lots: Decimal) -> OrderTerms:
    return OrderTerms("s", PERPETUAL, BUY if lots > 0 else BUY.opposite, abs(lots))


def real_venue() -> SimulatedVenue:
    rules: dict[str, Instrument] = {PERPETUAL: instrument()}
    return SimulatedVenue(rules, {PERPETUAL: model()}, {"USDT": Decimal(10**6)})


@pytest.mark.parametrize(("opened", "paid"), [(7, [Decimal("-0.0107")]), (8, [])])
def test_who_is_in_the_position_at_the_stamp_pays(opened: int, paid: list[Decimal]) -> None:
    """Funding at 08:00 is paid by a position of the 07:00 candle, not by one opened at 08:00 exactly."""
    answer = orders_at(A=(opened, "1"))
    bus, _ = replayed([hours(range(10))], real_venue(), [stamp(8, 107.0)], Bus(answer))
    assert [event.payment for event in bus.told if isinstance(event, Funding)] == paid


@pytest.mark.parametrize(("closed", "pays"), [(7, False), (8, True)])
def test_closing_at_the_stamp_comes_after_it(closed: int, pays: bool) -> None:
    """Closed in the candle before the stamp nothing is due; closed at the stamp's open it is."""
    answer = orders_at(A=(2, "1"), B=(closed, "-1"))
    bus, _ = replayed([hours(range(10))], real_venue(), [stamp(8, 107.0)], Bus(answer))
    assert bool(bus.of(Funding)) is pays


@pytest.mark.parametrize(("opened", "closed", "pays"), [(2, 5, True), (5, 12, False)])
def test_funding_in_a_hole_concerns_the_position_before_the_hole(
    opened: int, closed: int, pays: bool
) -> None:
    """Orders that wait for the end of a hole trade after the stamps in it, and on the mark before it."""
    answer = orders_at(A=(opened, "1"), B=(closed, "-1"))
    bus, _ = replayed([hours([0, 1, 2, 3, 4, 10, 11, 12])], real_venue(), [stamp(8)], Bus(answer))
    paid = [event for event in bus.told if isinstance(event, Funding)]
    assert [(event.at_ns, event.mark) for event in paid] == [
        (START_NS + 8 * HOUR_NS, Decimal("104.5"))
    ] * pays


# --- days -------------------------------------------------------------------------------------


def days_of(bus: Bus) -> list[tuple[str, float]]:
    """Closes and day boundaries, in order, in hours since the start."""
    return [
        (type(event).__name__, (event.at_ns - START_NS) / HOUR_NS)
        for event in bus.told
        if isinstance(event, CandlesClosed | DayStarted)
    ]


def test_a_day_begins_after_the_close_at_midnight() -> None:
    """The candle that ends at midnight belongs to the day that ends."""
    bus, _ = replayed([hours([22, 23, 24])])
    assert days_of(bus) == [
        ("CandlesClosed", 23), ("CandlesClosed", 24), ("DayStarted", 24), ("CandlesClosed", 25),
    ]  # fmt: skip


def test_a_hole_over_midnight_does_not_swallow_the_day() -> None:
    """Without a close at midnight the day begins before the first candle that closes in it."""
    bus, _ = replayed([hours([21, 26])])
    assert days_of(bus) == [("CandlesClosed", 22), ("DayStarted", 24), ("CandlesClosed", 27)]


def test_a_day_that_began_before_the_first_row_is_not_begun_again() -> None:
    """A replay that starts behind a hole over midnight starts within its day."""
    bus, _ = replayed([hours([21, 26, 27])], first=1)
    assert days_of(bus) == [("CandlesClosed", 27), ("CandlesClosed", 28)]


def test_a_hole_that_ends_at_the_next_midnight() -> None:
    """A day of which only the last candle is there begins before that candle, and the next one after it."""
    bus, _ = replayed([hours([21, 47, 48])])
    assert days_of(bus) == [
        ("CandlesClosed", 22), ("DayStarted", 24), ("CandlesClosed", 48), ("DayStarted", 48),
        ("CandlesClosed", 49),
    ]  # fmt: skip


def test_daily_candles_begin_every_day_once() -> None:
    """On daily candles every close is a boundary; a hole of days begins only the day it ends in."""
    bus, _ = replayed([hours([0, 24, 96], timeframe=Timeframe.D1)])
    begun = [hour for kind, hour in days_of(bus) if kind == "DayStarted"]
    assert begun == [24, 48, 96, 120]
    assert DAY_NS == 24 * HOUR_NS


# --- the end ----------------------------------------------------------------------------------


def test_bankruptcy_ends_the_run() -> None:
    """The instant in which equity reaches zero is the last one."""

    def ruin(event: Event) -> Sequence[Event]:
        return (
            [Bankrupt(event.at_ns, -1.0)]
            if isinstance(event, CandlesClosed) and event.at_ns == START_NS + 2 * HOUR_NS
            else ()
        )

    bus, replay = replayed([hours(range(5))], bus=Bus(ruin))
    assert replay.bankrupt
    assert in_hours(bus.of(CandlesClosed)) == [1, 2]


def test_progress_ends_with_every_row() -> None:
    """Whoever watches is told the number of rows done, at the end all of them."""
    told: list[int] = []
    replay = Replay(build_timeline([hours(range(30))]), ReplayClock(), ReportingVenue())
    replay.run(Bus(), 0, told.append)
    assert told[-1] == 30
    assert told == sorted(told)


def test_nothing_to_replay() -> None:
    """Beginning behind the last row does nothing and fails nothing."""
    bus, replay = replayed([hours([0, 1])], funding=[stamp(1)], first=2)
    assert (bus.told, replay.bankrupt) == ([], False)
