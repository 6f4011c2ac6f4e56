"""Quality: each kind of trouble is found where it is, and the passport counts it."""

import numpy as np
import pytest

from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import CorruptData
from agentic_trading.data.candle_builder import fill_gaps
from agentic_trading.data.quality import Finding, inspect, passport, unit_of
from market_files import START_MS, candle_frame

HOUR_MS = 3_600_000


def found(frame) -> list[tuple[str, int, float, str]]:
    stamps, *bars = (frame[name].to_numpy() for name in frame.columns)
    return [(each.kind, each.row, each.value, each.severity) for each in inspect(stamps, *bars, Timeframe.H1)]


def test_sound_candles_have_no_findings() -> None:
    """Nothing is reported about plain candles."""
    assert found(candle_frame(100)) == []


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ([0, 1, 4, 5], ("gap", 2, 2.0, "warning")),
        ([0, 1, 1, 2], ("duplicate", 2, 1.0, "warning")),
    ],
)
def test_order_findings(rows: list[int], finding: tuple[str, int, float, str]) -> None:
    """Gaps carry how many candles are missing, duplicates the row of the repetition."""
    assert found(candle_frame(10)[rows]) == [finding]


def test_out_of_order() -> None:
    """A candle older than the one before it is reported with how far back it goes, in seconds."""
    assert ("out_of_order", 2, -3600.0, "warning") in found(candle_frame(5)[[0, 2, 1, 3]])


@pytest.mark.parametrize(
    ("column", "value", "kind"),
    [
        ("open", 0.0, "price"), ("close", -3.0, "price"), ("high", float("inf"), "not_finite"),
        ("volume", float("nan"), "volume"), ("high", 50.0, "ohlc"), ("low", 104.0, "ohlc"),
        ("timestamp", START_MS + 1, "misaligned"), ("timestamp", START_MS // 1000, "time_unit"),
    ],
)  # fmt: skip
def test_errors(column: str, value: float, kind: str) -> None:
    """What forbids trading is an error on its row, with its value."""
    frame = candle_frame(9)
    frame[4, column] = value
    errors = [each for each in found(frame) if each[3] == "error"]
    assert (kind, 4) in [each[:2] for each in errors]
    assert any(each[2] == value or each[2] != each[2] for each in errors)


def test_absurd_prices_follow_the_stated_rule() -> None:
    """A close 1.5 times both neighbours is absurd, one that stays there is a market move."""
    frame = candle_frame(9)
    for column in ("high", "close"):
        frame[4, column] = 300.0
    assert ("absurd_price", 4, 300.0, "warning") in found(frame)
    moved = candle_frame(9)
    for row in range(4, 9):
        for column in ("open", "high", "low", "close"):
            moved[row, column] = moved[row, column] * 3
    assert found(moved) == []


def test_zero_volume_runs_of_three() -> None:
    """Three quiet candles in a row are a finding, two are not."""
    frame = candle_frame(12)
    for row in (2, 3, 7, 8, 9):
        frame[row, "volume"] = 0.0
    assert found(frame) == [("zero_volume_run", 7, 3.0, "warning")]


def test_units_by_magnitude() -> None:
    """A stamp of this century has exactly one plausible unit."""
    units = ["seconds", "milliseconds", "microseconds", "nanoseconds"]
    assert [unit_of(1_609_459_200 * 1000**power) for power in range(4)] == units
    assert unit_of(20210101) is None


def test_passport_counts() -> None:
    """The passport counts candles, gaps, fills, quiet candles, and serialises."""
    frame = candle_frame(20)
    frame[2, "volume"] = 0.0
    kept = frame[[row for row in range(20) if row not in (5, 10, 11)]]
    bars = np.stack([kept[name].to_numpy() for name in ("open", "high", "low", "close", "volume")])
    columns = fill_gaps("BTC/USDT", Timeframe.H1, kept["timestamp"].to_numpy() * 1_000_000, bars, 1)
    result = passport([columns], "test", duplicates=4)
    document = result.to_dict()
    assert (result.candles, result.gaps, result.missing, result.filled, result.zero_volume) == (
        19,
        2,
        3,
        2,
        1,
    )
    assert (document["duplicates"], document["finding_counts"]) == (4, {"gap": 2})
    assert (document["first"], document["last"]) == ("2021-01-01 00:00:00", "2021-01-01 19:00:00")
    assert "19 candles 2021-01-01..2021-01-01, 2 gaps (3 missing, 2 filled)" in result.summary()


def test_passport_of_nothing_is_refused() -> None:
    """There is no passport for no candles."""
    with pytest.raises(CorruptData, match="not a single candle"):
        passport([], "test")


def test_a_finding_reads_like_a_sentence() -> None:
    """People see row, time and what is wrong."""
    finding = Finding("price", 6, (START_MS + HOUR_MS) * 1_000_000, 0.0, "error", "open is 0")
    assert str(finding) == "row 7 (2021-01-01 01:00:00 UTC): open is 0"


@pytest.mark.parametrize(("open_", "close"), [(100.0, 110.0), (110.0, 100.0)])
@pytest.mark.parametrize(("column", "value"), [("high", 109.0), ("low", 101.0)])
def test_wicks_must_reach_past_both_ends_of_the_body(
    open_: float, close: float, column: str, value: float
) -> None:
    """A high below only one of open and close, or a low above only one, is a violation too."""
    frame = candle_frame(3)
    for name, price in (("open", open_), ("close", close), ("high", 111.0), ("low", 99.0), (column, value)):
        frame[1, name] = price
    assert ("ohlc", 1, value, "error") in found(frame)
