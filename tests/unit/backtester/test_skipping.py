"""Advancing to the next row that must be looked at: what ends a skipped stretch, and who looks then."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import numpy as np
import pytest

from agentic_trading.backtester.skipping import Skipper
from agentic_trading.backtester.timeline import MarketRows, Timeline, build_timeline
from agentic_trading.backtester.wake import NEVER, Moving, Watch
from agentic_trading.core.enums import HOUR_NS, Direction, Liquidity, Posture, Side, Timeframe
from agentic_trading.core.events import (
    Fill,
    OrderClosed,
    OrderIntent,
    OrderTerms,
    Refusal,
    Signal,
    SignalAdmitted,
)
from agentic_trading.core.models import CandleColumns
from agentic_trading.simulation.resting import Waits

START_NS = 1_704_067_200_000_000_000
NOTHING = Waits(None, at_market=False, levels={}, holding=False)


def candles(symbol: str, hours: Sequence[int]) -> CandleColumns:
    """Candles opening at these hours: high 10 above, low 10 below, close 1 above 100 plus the hour."""
    at = np.array(hours, dtype=np.int64)
    price = 100.0 + at
    bars = np.array([price, price + 10, price - 10, price + 1, price * 0 + 1])
    starts = [row for row in range(len(at)) if row == 0 or at[row] != at[row - 1] + 1]
    return CandleColumns(
        symbol, Timeframe.H1, START_NS + at * HOUR_NS, bars, np.zeros(len(at), bool), np.array(starts)
    )


class Desk:
    """Core and venue as a skipper sees them; ``limit`` is the row at which a loss limit would be crossed."""

    def __init__(self, waits: Waits = NOTHING, limit: int = 10**9, waits_for_day: bool = False) -> None:
        self._waits, self._limit, self.waits_for_day = waits, limit, waits_for_day
        self.marked: list[tuple[int, int]] = []
        self.postures: dict[tuple[str, str], Posture] = {}
        self.attending: tuple[tuple[str, str], ...] = ()
        self.looked: list[int] = []

    def waits(self) -> Waits:
        return self._waits

    def posture(self, strategy: str, symbol: str) -> Posture:
        return self.postures.get((strategy, symbol), Posture.FLAT)

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        reached = max(start, min(stop, self._limit))
        self.marked.append((start, reached))
        return reached

    def look(self, market: MarketRows, row: int) -> None:
        self.looked.append(row)

    def audience(self, pairs: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        return tuple(pairs)

    def attend(self, audience: tuple[tuple[str, str], ...]) -> None:
        self.attending = audience


def hourly(count: int = 60) -> Timeline:
    return build_timeline([candles("A", range(count))])


def watch(flat: Sequence[int], long: Sequence[int] = (), name: str = "s A", count: int = 60) -> Watch:
    """A watch of "strategy symbol" with these trigger rows."""
    return Watch(*name.split(), None, *[np.isin(np.arange(count), rows) for rows in (flat, long, long)])


def advance(
    desk: Desk,
    row: int = 0,
    alarm_ns: int = NEVER,
    timeline: Timeline | None = None,
    passed: bool = False,
    funding_ns: int = NEVER,
) -> int:
    """Where a skipper without watches lands."""
    skipper = Skipper(timeline or hourly(), [], desk, desk)
    return skipper.advance(row, passed, alarm_ns, funding_ns)[0]


# --- what ends a stretch ----------------------------------------------------------------------


def test_with_nothing_to_wait_for_the_end_comes_next() -> None:
    """All rows are marked at once, and the length of the timeline says that nothing is left."""
    desk = Desk()
    assert advance(desk, row=7) == 60
    assert desk.marked == [(7, 60)]


def test_the_earliest_of_all_reasons_wins() -> None:
    """A trigger, an arrival, an alarm, a limit and a touched price each end the stretch where due."""
    for first in range(5):
        rows = [20 + (15 if reason != first else 0) for reason in range(5)]
        trigger, _, _, limit, touch = rows
        times = START_NS + (np.array(rows) + 1) * HOUR_NS
        levels = {"A": (-np.inf, 100.0 + touch + 10)}
        desk = Desk(Waits(int(times[1]), at_market=False, levels=levels, holding=False), limit)
        skipper = Skipper(hourly(), [watch([trigger])], desk, desk)
        assert skipper.advance(0, False, int(times[2]))[0] == 20


@pytest.mark.parametrize(("late_ns", "row"), [(0, 9), (1, 10), (-1, 9), (-100 * HOUR_NS, 3)])
def test_what_is_due_is_looked_at_in_the_first_row_that_closes_then_or_later(late_ns: int, row: int) -> None:
    """On a close it is that row, just after it the next one; what is overdue is looked at at once."""
    at_ns = START_NS + 10 * HOUR_NS + late_ns
    assert advance(Desk(), row=3, alarm_ns=at_ns) == row
    travelling = Waits(at_ns, at_market=False, levels={}, holding=False)
    assert advance(Desk(travelling), row=3) == row


def test_funding_matters_only_while_something_is_held() -> None:
    """Whether the next stamp is looked at is the venue's word."""
    for holding, row in ((True, 9), (False, 60)):
        desk = Desk(Waits(None, at_market=False, levels={}, holding=holding))
        assert advance(desk, funding_ns=START_NS + 10 * HOUR_NS) == row


def test_an_order_at_the_market_needs_every_row() -> None:
    """While something executes at once nothing is skipped and nothing is marked."""
    desk = Desk(Waits(None, at_market=True, levels={}, holding=False))
    assert advance(desk, row=4) == 4
    assert desk.marked == []


def test_a_gap_is_looked_at_where_it_ends() -> None:
    """The first row after a hole is looked at, also where the stretch begins with it."""
    timeline = build_timeline([candles("A", [0, 1, 2, 3, 6, 7, 8, 9, 20, 21])])
    assert [advance(Desk(), row, timeline=timeline) for row in (0, 4, 5, 9)] == [4, 4, 8, 10]


def test_the_next_day_is_looked_at_while_something_waits_for_it() -> None:
    """Midnight's row is looked at, or the first one after a hole over midnight; without need neither is."""
    timeline = build_timeline([candles("A", [*range(22, 30), *range(40, 47), *range(50, 60)])])
    gaps_apart = msgspec.structs.replace(timeline, gaps={})
    waiting = [advance(Desk(waits_for_day=True), row, timeline=gaps_apart) for row in (0, 1, 2, 15, 16)]
    assert waiting == [1, 1, 15, 15, 25]
    assert advance(Desk(), 0, timeline=gaps_apart) == 25


def test_one_day_after_another_is_looked_at() -> None:
    """Who waits for the next day is woken at each midnight in turn, and at no other row."""
    desk = Desk(waits_for_day=True)
    skipper, row, found = Skipper(hourly(), [], desk, desk), 0, []
    while row < 60:
        reached, _ = skipper.advance(row, False)
        found.append(reached)
        row = reached + 1
    assert found == [23, 47, 60]


def test_a_limit_at_the_first_row_marks_nothing() -> None:
    """If the very next row crosses a limit it is looked at, and no row is marked."""
    desk = Desk(limit=5)
    assert advance(desk, row=5) == 5
    assert desk.marked == [(5, 5)]


# --- a row that the venue has passed ----------------------------------------------------------


def test_of_a_row_the_venue_has_passed_only_the_core_can_need_the_rest() -> None:
    """An order at the market, or a price that the passed candle reached, asks only for the next row."""
    for waits in (
        Waits(None, at_market=True, levels={}, holding=False),
        Waits(None, at_market=False, levels={"A": (-np.inf, 0.0)}, holding=False),
        Waits(START_NS, at_market=False, levels={}, holding=False),
    ):
        desk = Desk(waits)
        assert advance(desk, row=4, passed=True) == 5
        assert desk.marked == [(4, 5)]
        assert advance(desk, row=4) == 4


def test_a_passed_row_is_looked_at_where_the_core_needs_it() -> None:
    """Triggers, alarms and limits of a passed row count as ever: nothing is marked, the row is looked at."""
    at_market = Waits(None, at_market=True, levels={}, holding=False)
    alarm_ns = START_NS + 5 * HOUR_NS
    assert advance(Desk(at_market), row=4, passed=True, alarm_ns=alarm_ns) == 4
    assert advance(Desk(at_market), row=4, passed=True, alarm_ns=alarm_ns + 1) == 5
    assert advance(Desk(at_market, limit=4), row=4, passed=True) == 4
    desk = Desk(at_market)
    assert Skipper(hourly(), [watch([4])], desk, desk).advance(4, True) == (4, True)


def test_the_last_row_may_have_passed() -> None:
    """With the last candle passed and nobody to look at it, it is marked and nothing is left."""
    at_market = Waits(None, at_market=True, levels={"A": (np.inf, np.inf)}, holding=True)
    desk = Desk(at_market)
    assert advance(desk, row=59, passed=True) == 60
    assert desk.marked == [(59, 60)]


# --- who looks --------------------------------------------------------------------------------


def test_who_could_act_on_the_row_looks() -> None:
    """At a trigger row exactly its strategies look, and at a row found for another reason none of them."""
    desk = Desk()
    skipper = Skipper(hourly(), [watch([7, 9]), watch([9], name="t A"), watch([8], name="u A")], desk, desk)
    seen = []
    for row, alarm in ((0, NEVER), (8, NEVER), (9, NEVER), (10, START_NS + 12 * HOUR_NS)):
        reached, _ = skipper.advance(row, False, alarm)
        seen.append((reached, list(skipper.look(reached)), desk.attending))
    assert seen == [
        (7, ["A"], (("s", "A"),)), (8, ["A"], (("u", "A"),)), (9, ["A"], (("s", "A"), ("t", "A"))),
        (11, [], ()),
    ]  # fmt: skip


def test_a_row_that_only_the_core_needs_is_marked_with_those_before_it() -> None:
    """Then it needs no mark of its own, and the caller is told that the venue has nothing to do there."""
    waits = Waits(START_NS + 50 * HOUR_NS, at_market=False, levels={"A": (-np.inf, 130.0)}, holding=True)
    desk = Desk(waits)
    skipper = Skipper(hourly(), [watch([7])], desk, desk)
    assert skipper.advance(2, False, funding_ns=START_NS + 9 * HOUR_NS) == (7, True)
    skipper.look(7)
    assert (desk.marked, desk.looked) == ([(2, 8)], [])


@pytest.mark.parametrize(
    ("waits", "limit", "funding_hour", "trigger"),
    [
        (NOTHING, 7, 60, 7),  # a limit is crossed there
        (NOTHING, 60, 60, 23),  # its close is the end of a day
        (Waits(START_NS + 8 * HOUR_NS, at_market=False, levels={}, holding=False), 60, 60, 7),
        (Waits(None, at_market=False, levels={"A": (-np.inf, 117.0)}, holding=False), 60, 60, 7),
        (Waits(None, False, {}, False, marks={"A": (-np.inf, 117.0)}), 60, 60, 7),
        (Waits(None, at_market=False, levels={}, holding=True), 60, 8, 7),
    ],
)
def test_a_row_that_others_may_need_is_marked_when_they_are_done(
    waits: Waits, limit: int, funding_hour: int, trigger: int
) -> None:
    """What the venue does there, or a new day, comes before the mark; a limit must be looked at."""
    desk = Desk(waits, limit)
    skipper = Skipper(hourly(), [watch([trigger])], desk, desk)
    assert skipper.advance(2, False, funding_ns=START_NS + funding_hour * HOUR_NS) == (trigger, False)
    skipper.look(trigger)
    assert (desk.marked, desk.looked) == ([(2, trigger)], [trigger])


def test_the_candles_of_those_who_look_come_in_the_order_of_the_symbols() -> None:
    """However strategies and symbols are watched, a candle is asked for once, in the standing order."""
    desk = Desk()
    timeline = build_timeline([candles(symbol, range(60)) for symbol in "BCA"])
    names = ("s A", "s C", "t A", "t B", "u C")
    skipper = Skipper(timeline, [watch([9], name=name) for name in names], desk, desk)
    assert skipper.look(skipper.advance(0, False)[0]) == ["B", "C", "A"]


TERMS = OrderTerms("s", "A", Side.BUY, Decimal(1))
MOVES: list[Moving] = [
    SignalAdmitted(Signal("s", "A", Direction.LONG, id="signal-1", at_ns=1, price=1.0)),
    Refusal(1, "p", "s", "A", "code", None, None, None, ""),
    OrderIntent("o", 1, TERMS, "p", "", ""),
    OrderClosed("o", 1, TERMS, Decimal(1), ""),
    Fill("t", "o", "s", "A", Side.BUY, *[Decimal(1)] * 3, "USDT", Liquidity.TAKER, Decimal(1), 1),
]  # fmt: skip


@pytest.mark.parametrize("event", MOVES, ids=lambda event: type(event).__name__)
def test_what_moves_a_strategy_makes_it_be_asked_again(event: Moving) -> None:
    """After each such event the rows that wake are those of where the strategy stands now."""
    desk = Desk()
    skipper = Skipper(hourly(), [watch([20], [10]), watch([30], [5], "s B")], desk, desk)
    assert skipper.advance(0, False)[0] == 20
    desk.postures = {("s", "A"): Posture.LONG, ("s", "B"): Posture.LONG}
    assert skipper.advance(0, False)[0] == 20  # nobody said so
    skipper.hear(event)
    assert skipper.advance(0, False)[0] == 10  # and B is another symbol
