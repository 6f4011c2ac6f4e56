"""The time axis of a run: which candles close when, at what prices, and where some are missing."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.backtester.timeline import (
    CandleReader,
    Gap,
    MarketRows,
    Timeline,
    build_timeline,
    extremes,
    first_touch,
)
from agentic_trading.core.enums import DAY_NS, Timeframe
from agentic_trading.core.equity import DAY_AFTER, DAY_BEFORE
from agentic_trading.core.models import CandleColumns

MINUTE = Timeframe.M1.ns
START_NS = 1_704_067_200_000_000_000
INF, NAN = float("inf"), float("nan")
MINUTES = st.lists(st.integers(0, 30), min_size=1, unique=True).map(sorted)


def columns(symbol: str, minutes: Sequence[int], timeframe: Timeframe = Timeframe.M1) -> CandleColumns:
    """Candles at these minutes whose every number tells where it is from; holes begin new stretches."""
    at = np.asarray(minutes, dtype=np.int64)
    bars = np.array([at + 0.1, at + 0.4, at + 0.0, at + 0.3, at + 1000.0], dtype=np.float64)
    starts = [row for row in range(len(at)) if row == 0 or at[row] != at[row - 1] + 1]
    filled = at % 10 == 9
    return CandleColumns(symbol, timeframe, START_NS + at * timeframe.ns, bars, filled, np.array(starts))


def test_one_instant_holds_all_candles_that_close_there() -> None:
    """Symbols that start later, end earlier or have holes are absent where they have no candle."""
    timeline = build_timeline([columns("A", [0, 1, 2, 5]), columns("B", [1, 2, 3]), columns("C", [5, 6])])
    assert (timeline.close_ns - START_NS).tolist() == [MINUTE * at for at in (1, 2, 3, 4, 6, 7)]
    assert [own.tolist() for own in timeline.rows if own is not None] == [
        [0, 1, 2, -1, 3, -1], [-1, 0, 1, 2, -1, -1], [-1, -1, -1, -1, 0, 1],
    ]  # fmt: skip


def test_a_symbol_that_is_always_there_needs_no_map() -> None:
    """Its own rows are those of the timeline, and that is said instead of written down."""
    always, sometimes = build_timeline([columns("A", [0, 1, 4]), columns("B", [1, 4])]).rows
    assert always is None
    assert sometimes is not None
    assert sometimes.tolist() == [-1, 0, 1]


def test_a_gap_is_known_where_the_next_stretch_begins() -> None:
    """A hole is reported at the close of the first candle after it, with the number of missing ones."""
    timeline = build_timeline([columns("A", [0, 1, 4, 5, 9]), columns("B", [0, 1, 2, 3, 4, 5, 8, 9])])
    assert timeline.gaps == {4: [Gap("A", 2)], 6: [Gap("B", 2)], 7: [Gap("A", 3)]}


def test_a_late_start_is_no_gap() -> None:
    """A symbol that is listed later misses nothing before its first candle."""
    assert build_timeline([columns("A", range(5)), columns("B", [3, 4])]).gaps == {}


def test_timeframes_do_not_mix() -> None:
    """All symbols are replayed on one base timeframe."""
    with pytest.raises(ValueError, match="one base timeframe"):
        build_timeline([columns("A", [0]), columns("B", [0], Timeframe.H1)])


@pytest.mark.parametrize("order", [range(2500), (0, 2400, 1023, 1024, 5)])
def test_the_reader_hands_out_the_candles_of_a_row(order: Sequence[int]) -> None:
    """Whatever the order of asking, a row gives exactly its candles, in symbol order, as plain numbers."""
    minutes = [minute for minute in range(2500) if minute % 7]
    timeline = build_timeline([columns("B", range(2500)), columns("A", minutes)])
    reader = CandleReader(timeline)
    for row in order:
        found = reader.of(timeline.symbols, row)
        assert [candle.symbol for candle in found] == (["B", "A"] if row % 7 else ["B"])
        for candle in found:
            assert (candle.open_ns, candle.close_ns) == (
                START_NS + row * MINUTE,
                START_NS + (row + 1) * MINUTE,
            )
            bar = (candle.open, candle.high, candle.low, candle.close, candle.volume)
            assert bar == (row + 0.1, row + 0.4, row + 0.0, row + 0.3, row + 1000.0)
            assert candle.filled is (row % 10 == 9)
            assert {type(number) for number in bar} == {float}
            assert type(candle.open_ns) is int


def test_the_reader_hands_out_what_is_asked_for() -> None:
    """Of some symbols it gives those candles that a row has, in the order in which they were named."""
    reader = CandleReader(build_timeline([columns("A", [0, 1]), columns("B", [1]), columns("C", [0, 1])]))
    for row, wanted, found in ((1, "BA", "BA"), (1, "AB", "AB"), (0, "BC", "C"), (0, "B", ""), (0, "", "")):
        candles = reader.of(list(wanted), row)
        assert "".join(candle.symbol for candle in candles) == found
        assert all(candle in reader.of("ABC", row) for candle in candles)


def test_the_last_close_looks_back_only() -> None:
    """At a time each symbol has its latest close up to then; one that never had a candle has none."""
    timeline = build_timeline([columns("A", [0, 1, 4]), columns("B", [3, 4])])
    known = {at: [timeline.last_close(symbol, START_NS + at * MINUTE) for symbol in "AB"] for at in range(7)}
    assert known == {
        0: [None, None], 1: [0.3, None], 2: [1.3, None], 3: [1.3, None], 4: [1.3, 3.3], 5: [4.3, 4.3],
        6: [4.3, 4.3],
    }  # fmt: skip


@given(first=MINUTES, second=MINUTES)
@pytest.mark.property
def test_rows_of_a_symbol_and_of_the_timeline_are_two_views_of_the_same(
    first: list[int], second: list[int]
) -> None:
    """Own rows in a stretch, the row of an own row, and the time of the last candle all follow the axis."""
    timeline = build_timeline([columns("A", first), columns("B", second)])
    axis = sorted({*first, *second})
    for position, minutes in enumerate((first, second)):
        assert [axis[timeline.row_of(position, own)] for own in range(len(minutes))] == minutes
        for start, stop in ((0, len(axis)), (1, len(axis) - 1), (len(axis) // 2, len(axis)), (1, 1)):
            if start <= stop:
                low, high = timeline.own_rows(position, start, stop)
                assert minutes[low:high] == [at for at in axis[start:stop] if at in minutes]
        for row, at in enumerate(axis):
            last = max((minute for minute in minutes if minute <= at), default=None)
            expected = 0 if last is None else START_NS + (last + 1) * MINUTE
            assert timeline.closed_ns(row)[position] == expected


# --- the market's prices by row ---------------------------------------------------------------


def market(*symbols: Sequence[int]) -> MarketRows:
    """The rows of symbols A, B and so on with candles at these minutes."""
    return MarketRows(build_timeline([columns("ABC"[at], minutes) for at, minutes in enumerate(symbols)]))


def test_closes_are_carried_forward() -> None:
    """Every row has the last close of every symbol, and no number before its first; one symbol or several."""
    closes = market([0, 1, 2, 3], [1, 3]).closes
    assert closes[0].tolist() == [0.3, 1.3, 2.3, 3.3]
    assert np.array_equal(closes[1], [NAN, 1.3, 1.3, 3.3], equal_nan=True)
    assert market([0, 2, 3]).closes.tolist() == [[0.3, 2.3, 3.3]]


def test_extremes_are_those_of_the_candles_there() -> None:
    """Of some rows the highest high and lowest low of a symbol; without a candle nothing is stretched."""
    rows = market(range(6), [1, 3])
    assert rows.extremes("A", 1, 4) == (3.4, 1.0)
    assert rows.extremes("B", 0, 3) == (1.4, 1.0)
    assert rows.extremes("B", 2, 3) == (-INF, INF)
    assert rows.extremes("A", 2, 2) == (-INF, INF)
    assert rows.extremes("B", 2, 2) == (-INF, INF)


@given(minutes=MINUTES, others=MINUTES, data=st.data())
@pytest.mark.property
def test_the_first_touch_is_the_first_touch(
    minutes: list[int], others: list[int], data: st.DataObject
) -> None:
    """The first row of the stretch in which a candle of the symbol reaches a level, else its end."""
    rows = market(minutes, others)
    axis = sorted({*minutes, *others})
    start, stop = sorted(data.draw(st.tuples(*[st.integers(0, len(axis))] * 2)))
    level = st.integers(-1, 31).flatmap(lambda at: st.sampled_from([at + 0.0, at + 0.2, at + 0.4, -INF, INF]))
    down, up = data.draw(level), data.draw(level)
    touched = [
        row for row in range(start, stop)
        if axis[row] in minutes and (axis[row] + 0.0 <= down or axis[row] + 0.4 >= up)
    ]  # fmt: skip
    assert rows.first_touch("A", down, up, start, stop) == min(touched, default=stop)


def test_compiled_sweeps_read_the_rows_they_are_given() -> None:
    """Levels count when reached exactly, rows outside do not count, and of no rows nothing is found."""
    highs, lows = np.array([5.0, 7.0, 6.0, 9.0]), np.array([4.0, 3.0, 2.0, 1.0])
    assert [first_touch(highs, lows, down, INF, 0, 4) for down in (4.0, 3.5, 1.0, 0.5)] == [0, 1, 3, 4]
    assert [first_touch(highs, lows, -INF, up, 1, 3) for up in (7.0, 7.5, 6.0)] == [1, 3, 1]
    assert extremes(highs, lows, 0, 3) == (7.0, 2.0)
    assert extremes(highs, lows, 2, 2) == (-INF, INF)


@given(
    hours=st.lists(st.integers(0, 120), min_size=1, unique=True).map(sorted),
    frame=st.sampled_from([Timeframe.H1, Timeframe.D1]),
)
@pytest.mark.property
def test_day_edges_lie_where_the_replay_starts_days(hours: list[int], frame: Timeframe) -> None:
    """A close at midnight ends a day; another is told of a new day if a midnight lies since the last."""
    timeline: Timeline = build_timeline([columns("A", hours, frame)])
    edges = MarketRows(timeline).day_edges
    for row, close_ns in enumerate(timeline.close_ns.tolist()):
        assert bool(edges[row] & DAY_AFTER) == (close_ns % DAY_NS == 0)
        if row > 0:
            before_ns = int(timeline.close_ns[row - 1])
            midnights = [d for d in range(START_NS, close_ns, DAY_NS) if before_ns < d < close_ns]
            assert bool(edges[row] & DAY_BEFORE) == bool(midnights)
