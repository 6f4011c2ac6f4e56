"""The time axis of a run: which candles close when, and where some are missing."""

from collections.abc import Sequence

import numpy as np
import pytest

from agentic_trading.backtester.timeline import CandleReader, Gap, build_timeline
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.models import CandleColumns

MINUTE = Timeframe.M1.ns
START_NS = 1_704_067_200_000_000_000


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
    assert timeline.rows.tolist() == [
        [0, -1, -1], [1, 0, -1], [2, 1, -1], [-1, 2, -1], [3, -1, 0], [-1, -1, 1],
    ]  # fmt: skip


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
    """Whatever the block and the order of asking, a row gives exactly its candles, in symbol order."""
    minutes = [minute for minute in range(2500) if minute % 7]
    timeline = build_timeline([columns("B", range(2500)), columns("A", minutes)])
    reader = CandleReader(timeline)
    for row in order:
        found = reader.at(row)
        assert [candle.symbol for candle in found] == (["B", "A"] if row % 7 else ["B"])
        for candle in found:
            assert (candle.open_ns, candle.close_ns) == (
                START_NS + row * MINUTE,
                START_NS + (row + 1) * MINUTE,
            )
            bar = (candle.open, candle.high, candle.low, candle.close, candle.volume)
            assert bar == (row + 0.1, row + 0.4, row + 0.0, row + 0.3, row + 1000.0)
            assert candle.filled is (row % 10 == 9)
            assert type(candle.open) is float


def test_the_last_close_looks_back_only() -> None:
    """At a time each symbol has its latest close up to then; one that never had a candle has none."""
    timeline = build_timeline([columns("A", [0, 1, 4]), columns("B", [3, 4])])
    known = {at: [timeline.last_close(symbol, START_NS + at * MINUTE) for symbol in "AB"] for at in range(7)}
    assert known == {
        0: [None, None], 1: [0.3, None], 2: [1.3, None], 3: [1.3, None], 4: [1.3, 3.3], 5: [4.3, 4.3],
        6: [4.3, 4.3],
    }  # fmt: skip
