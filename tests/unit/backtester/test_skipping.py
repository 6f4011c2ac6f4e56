"""Advancing to the next row that must be looked at: what ends a skipped stretch, and what is told of it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from agentic_trading.backtester.skipping import MarketRows, Skipper, first_touch, market_rows
from agentic_trading.backtester.timeline import Timeline, build_timeline
from agentic_trading.backtester.wake import Watch
from agentic_trading.core.enums import DAY_NS, HOUR_NS, Posture, Timeframe
from agentic_trading.core.equity import DAY_AFTER, DAY_BEFORE
from agentic_trading.core.models import CandleColumns, FloatArray
from agentic_trading.simulation.resting import Waits

START_NS = 1_704_067_200_000_000_000
NAN = float("nan")
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
        self.noted: dict[str, tuple[float, int]] = {}
        self.asked: list[bool] = []

    def waits(self) -> Waits:
        return self._waits

    def posture(self, strategy: str, symbol: str) -> Posture:
        return Posture.FLAT

    def skip(self, market: MarketRows, start: int, stop: int) -> int:
        reached = max(start, min(stop, self._limit))
        self.marked.append((start, reached))
        return reached

    def note(self, symbol: str, close: float, close_ns: int) -> None:
        self.noted[symbol] = (close, (close_ns - START_NS) // HOUR_NS)

    def due(self, at_ns: int | None = None) -> Callable[[bool], int | None]:
        def answer(holding: bool) -> int | None:
            self.asked.append(holding)
            return at_ns

        return answer


def hourly(count: int = 60) -> Timeline:
    return build_timeline([candles("A", range(count))])


def advance(desk: Desk, row: int = 0, at_ns: int | None = None, timeline: Timeline | None = None) -> int:
    """Where a skipper without watches lands."""
    return Skipper(timeline or hourly(), [], desk, desk).advance(row, desk.due(at_ns))


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
        watch = Watch("s", "A", np.array([trigger]), np.array([], dtype=np.int64))
        assert Skipper(hourly(), [watch], desk, desk).advance(0, desk.due(int(times[2]))) == 20


@pytest.mark.parametrize(("late_ns", "row"), [(0, 9), (1, 10), (-1, 9), (-100 * HOUR_NS, 3)])
def test_what_is_due_is_looked_at_in_the_first_row_that_closes_then_or_later(late_ns: int, row: int) -> None:
    """On a close it is that row, just after it the next one; what is overdue is looked at at once."""
    at_ns = START_NS + 10 * HOUR_NS + late_ns
    assert advance(Desk(), row=3, at_ns=at_ns) == row
    travelling = Waits(at_ns, at_market=False, levels={}, holding=False)
    assert advance(Desk(travelling), row=3) == row


def test_funding_is_asked_for_only_while_something_is_held() -> None:
    """Whether the next stamp counts is the venue's word."""
    for holding in (True, False):
        desk = Desk(Waits(None, at_market=False, levels={}, holding=holding))
        advance(desk)
        assert desk.asked == [holding]


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
    gaps_apart = Timeline(
        timeline.timeframe, timeline.symbols, timeline.columns, timeline.close_ns, timeline.rows, {}
    )
    waiting = [advance(Desk(waits_for_day=True), row, timeline=gaps_apart) for row in (0, 1, 2, 15, 16)]
    assert waiting == [1, 1, 15, 15, 25]
    assert advance(Desk(), 0, timeline=gaps_apart) == 25


def test_a_limit_at_the_first_row_marks_nothing() -> None:
    """If the very next row crosses a limit it is looked at, and no close is told."""
    desk = Desk(limit=5)
    assert advance(desk, row=5) == 5
    assert desk.noted == {}


# --- what is told -----------------------------------------------------------------------------


def test_last_closes_of_the_stretch_are_told() -> None:
    """Symbols with a candle in the stretch tell their last one before its end, absent at the end or not."""
    timeline = build_timeline([candles("A", range(10)), candles("B", [0, 1, 2, 4]), candles("C", [0, 8])])
    desk = Desk(limit=6)
    assert advance(desk, row=1, timeline=Timeline(
        timeline.timeframe, timeline.symbols, timeline.columns, timeline.close_ns, timeline.rows, {}
    )) == 6  # fmt: skip
    assert desk.noted == {"A": (106.0, 6), "B": (105.0, 5)}


# --- the rows of the market -------------------------------------------------------------------


def test_candles_lie_on_the_rows_of_the_timeline() -> None:
    """Closes are carried forward with the time they are from; highs and lows are only where candles are."""
    market = market_rows(build_timeline([candles("A", [0, 1, 2, 3]), candles("B", [1, 3])]))
    assert market.closes[:, 0].tolist() == [101.0, 102.0, 103.0, 104.0]
    assert np.array_equal(market.closes[:, 1], [NAN, 102.0, 102.0, 104.0], equal_nan=True)
    assert ((market.marked_ns[:, 1] - START_NS) // HOUR_NS).tolist()[1:] == [2, 2, 4]
    assert market.marked_ns[0, 1] == 0
    assert np.array_equal(market.highs[:, 1], [NAN, 111.0, NAN, 113.0], equal_nan=True)
    assert np.array_equal(market.lows[:, 1], [NAN, 91.0, NAN, 93.0], equal_nan=True)


def test_extremes_are_those_of_the_candles_there() -> None:
    """Of some rows the highest high and lowest low of a symbol; without a candle nothing is stretched."""
    market = market_rows(build_timeline([candles("A", range(6)), candles("B", [1, 3])]))
    assert market.extremes("A", 1, 4) == (113.0, 91.0)
    assert market.extremes("B", 0, 3) == (111.0, 91.0)
    assert market.extremes("B", 2, 3) == (-np.inf, np.inf)
    assert market.extremes("A", 2, 2) == (-np.inf, np.inf)


@given(
    hours=st.lists(st.integers(0, 120), min_size=1, unique=True).map(sorted),
    frame=st.sampled_from([Timeframe.H1, Timeframe.D1]),
)
@pytest.mark.property
def test_day_edges_lie_where_the_replay_starts_days(hours: list[int], frame: Timeframe) -> None:
    """A close at midnight ends a day; another is told of a new day if a midnight lies since the last."""
    at = np.array(hours, dtype=np.int64)
    ones = np.ones((5, len(at)))
    opens = START_NS + at * frame.ns
    timeline = build_timeline(
        [CandleColumns("A", frame, opens, ones, np.zeros(len(at), bool), np.array([0]))]
    )
    edges = market_rows(timeline).day_edges
    for row, close_ns in enumerate(timeline.close_ns.tolist()):
        assert bool(edges[row] & DAY_AFTER) == (close_ns % DAY_NS == 0)
        if row > 0:
            before_ns = int(timeline.close_ns[row - 1])
            midnights = [d for d in range(START_NS, close_ns, DAY_NS) if before_ns < d < close_ns]
            assert bool(edges[row] & DAY_BEFORE) == bool(midnights)


Prices = arrays(np.float64, (9, 2), elements=st.one_of(st.integers(1, 9).map(float), st.just(NAN)))
Levels = arrays(np.float64, 2, elements=st.sampled_from([-np.inf, 1.0, 4.0, 5.0, 9.0, np.inf]))


@given(lows=Prices, highs=Prices, down=Levels, up=Levels, start=st.integers(0, 9))
@pytest.mark.property
def test_the_first_touch_is_the_first_touch(
    lows: FloatArray, highs: FloatArray, down: FloatArray, up: FloatArray, start: int
) -> None:
    """The first row whose low is at or below, or high at or above, its symbol's level; NaN touches none."""
    touched: Any = (lows <= down) | (highs >= up)
    expected = next((row for row in range(start, 9) if touched[row].any()), 9)
    assert first_touch(highs, lows, down, up, start, 9) == expected
