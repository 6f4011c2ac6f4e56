"""The candle builder: complete buckets only, at their close, the same live and in history."""

import numpy as np
import pytest

from agentic_trading.core.enums import MINUTE_NS, Timeframe
from agentic_trading.core.errors import ConfigError, CorruptData
from agentic_trading.core.models import Candle, CandleColumns
from agentic_trading.data.candle_builder import CandleBuilder, build, fill_gaps, from_trades
from market_files import START_MS, candle_frame

START_NS = START_MS * 1_000_000


def columns(rows: list[int], max_fill: int = 1, start_ns: int = START_NS) -> CandleColumns:
    frame = candle_frame(max(rows) + 1, Timeframe.M1)[rows]
    bars = np.stack([frame[name].to_numpy() for name in ("open", "high", "low", "close", "volume")])
    shift = start_ns - START_NS
    return fill_gaps(
        "BTC/USDT", Timeframe.M1, frame["timestamp"].to_numpy() * 1_000_000 + shift, bars, max_fill
    )


def test_a_bucket_by_hand() -> None:
    """Five minutes become one candle: first open, highest high, lowest low, last close, summed volume."""
    built = build(columns(list(range(7))), Timeframe.M5)
    assert built.open_ns.tolist() == [START_NS]
    assert built.bars[:, 0].tolist() == [100.0, 102.5, 99.0, 101.0, 15.0]


def test_ragged_ends_are_not_made_up() -> None:
    """Buckets whose beginning or end the data does not have are left out."""
    built = build(columns(list(range(2, 14))), Timeframe.M5)
    assert built.open_ns.tolist() == [START_NS + 5 * MINUTE_NS]


def test_a_gap_takes_out_its_bucket_and_breaks_the_stretch() -> None:
    """A bucket with a long hole, wherever in it, is not emitted, and the next begins a stretch."""
    for hole in ([5, 6], [6, 7], [8, 9]):
        built = build(columns([row for row in range(20) if row not in hole]), Timeframe.M5)
        assert built.open_ns.tolist() == [START_NS + n * 5 * MINUTE_NS for n in (0, 2, 3)]
        assert built.starts.tolist() == [0, 1]


def test_filled_only_if_all_parts_are() -> None:
    """One filled part leaves a candle real; only parts that are all filled make it filled."""
    some = build(columns([row for row in range(10) if row != 6]), Timeframe.M5)
    every = build(columns([0, 1, 2, 3, 4, 10, 11, 12, 13, 14], max_fill=5), Timeframe.M5)
    assert some.filled.tolist() == [False, False]
    assert every.filled.tolist() == [False, True, False]
    assert every.bars[4, 1] == 0.0


def test_emitted_with_the_last_part_and_not_before() -> None:
    """Live, the higher candle appears exactly when the part that closes its bucket is pushed."""
    builder = CandleBuilder("BTC/USDT", Timeframe.M1, Timeframe.M5)
    base = columns(list(range(12)))
    seen = []
    for row in range(12):
        candle = Candle(
            "BTC/USDT", Timeframe.M1, int(base.open_ns[row]), int(base.close_ns[row]), *base.bars[:, row]
        )
        higher = builder.push(candle)
        if higher:
            seen.append((row, higher.open_ns, higher.close_ns == candle.close_ns))
    assert seen == [(4, START_NS, True), (9, START_NS + 5 * MINUTE_NS, True)]


def test_not_a_multiple_names_both() -> None:
    """Finer or unaligned targets are refused with both timeframes in the text."""
    hours = fill_gaps("X/USDT", Timeframe.H4, np.array([START_NS]), np.ones((5, 1)), 0)
    with pytest.raises(ConfigError, match="1h candles cannot be built from 4h"):
        build(hours, Timeframe.H1)
    with pytest.raises(ConfigError, match="6h candles cannot be built from 4h"):
        CandleBuilder("X/USDT", Timeframe.H4, Timeframe.H6)


def test_trades_by_hand() -> None:
    """Trades become candles of the minutes the tape covers wholly; a minute without trades is flat."""
    times = START_NS + np.array([1, 30, 59, 60, 185]) * 1_000_000_000
    price, quantity = np.array([10.0, 12.0, 9.0, 11.0, 8.0]), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    whole = from_trades(
        "X/USDT", times, price, quantity, Timeframe.M1, since_ns=START_NS, until_ns=START_NS + 240 * 10**9
    )
    inside = from_trades("X/USDT", times, price, quantity, Timeframe.M1)
    assert whole.bars.T.tolist() == [
        [10, 12, 9, 9, 6], [11, 11, 11, 11, 4], [11, 11, 11, 11, 0], [8, 8, 8, 8, 5],
    ]  # fmt: skip
    assert whole.filled.tolist() == [False, False, True, False]
    assert inside.open_ns.tolist() == [START_NS + MINUTE_NS]


def test_trades_out_of_order_are_refused() -> None:
    """A trade older than the one before it is named by its place."""
    with pytest.raises(CorruptData, match="trade 3 of X/USDT"):
        from_trades("X/USDT", np.array([1, 5, 4]), np.ones(3), np.ones(3), Timeframe.M1)


def test_nothing_in_nothing_out() -> None:
    """Empty columns and an empty tape give empty columns."""
    empty = from_trades("X/USDT", np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), Timeframe.M1)
    assert len(build(empty, Timeframe.H1)) == 0
