"""Missing funding rates: found and counted, whatever the interval is and however it changes."""

from collections.abc import Sequence

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentic_trading.core.enums import HOUR_NS
from agentic_trading.data.funding_gaps import INTERVALS_NS, missing_stamps
from market_files import real_file

DAY_START = 1_704_067_200_000_000_000


def found(hours: Sequence[float], until: float, usual: int | None = None) -> list[float]:
    """Missing hours between hour 0 and ``until``."""
    stamps = [DAY_START + round(hour * HOUR_NS) for hour in hours]
    usual_ns = None if usual is None else usual * HOUR_NS
    missing = missing_stamps(stamps, DAY_START, DAY_START + round(until * HOUR_NS), usual_ns)
    return [(stamp - DAY_START) / HOUR_NS for stamp in missing]


CASES = {
    "all there": ([8, 16, 24, 32], 40, []),
    "every four hours": ([4, 8, 12, 16], 20, []),
    "one missing": ([8, 16, 32, 40], 48, [24]),
    "two missing in a row": ([8, 16, 40, 48], 56, [24, 32]),
    "every other one missing": ([8, 24, 40, 56], 64, [16, 32, 48]),
    "a four-hour one missing": ([4, 8, 16, 20, 24], 28, [12]),
    "from eight hours to four": ([8, 16, 20, 24, 28], 32, []),
    "from four hours to eight": ([4, 8, 16, 24, 32], 40, []),
    "from eight hours to one and back": ([8, 16, 17, 18, 19, 20, 21, 22, 23, 24, 32, 40], 48, []),
    "a single extra stamp": ([8, 16, 20, 24, 32], 40, []),
    "missing at the change": ([8, 16, 24, 36, 40, 44], 48, [32]),
    "missing at the start": ([24, 32, 40], 48, [8, 16]),
    "missing at the end": ([8, 16, 24], 48, [32, 40]),
    "a late stamp": ([8, 16 + 1 / 60, 24, 32], 40, []),
    "one stamp only": ([8], 24, [16]),
    "none at all": ([], 24, [8, 16]),
}


@pytest.mark.parametrize("name", CASES)
def test_holes_are_found(name: str) -> None:
    """What was due and is not there is named; an interval that changes is no hole."""
    hours, until, missing = CASES[name]
    assert found(hours, until) == missing


def test_the_usual_interval_decides_where_nothing_else_does() -> None:
    """An instrument that settles every four hours misses more in an empty day."""
    assert found([], 12, usual=4) == [4, 8]


@given(st.sampled_from(INTERVALS_NS), st.integers(3, 60), st.data())
def test_a_complete_schedule_has_no_holes_and_a_thinned_one_all_of_them(
    interval_ns: int, count: int, data: st.DataObject
) -> None:
    """Of a schedule with one interval, taking out a stamp between others names exactly that stamp."""
    stamps = [DAY_START + number * interval_ns for number in range(1, count + 1)]
    end_ns = stamps[-1] + interval_ns
    assert missing_stamps(stamps, DAY_START, end_ns) == []
    if count < 6:
        return
    taken = data.draw(st.integers(2, count - 3))
    rest = stamps[:taken] + stamps[taken + 1 :]
    assert missing_stamps(rest, DAY_START, end_ns) == [stamps[taken]]


@pytest.mark.parametrize(
    "name",
    [
        "binance_usdm_BTC-USDT-PERP_funding_8h", "binance_usdm_ETH-USDT-PERP_funding_8h",
        "binance_usdm_XRP-USDT-PERP_funding_8h", "bybit_linear_BTC-USDT-PERP_funding_8h",
        "binance_usdm_BTC-USDT-PERP_funding_rawstamps_20210629-20230108",
    ],
)  # fmt: skip
def test_years_of_real_funding_have_no_holes(name: str) -> None:
    """Between its first and last stamp a real history misses nothing; without one stamp, exactly that one."""
    frame = pl.read_parquet(real_file(f"{name}.parquet"))
    stamps = sorted({stamp // 60_000 * 60_000_000_000 for stamp in frame["timestamp"].to_list()})
    assert missing_stamps(stamps, stamps[0], stamps[-1]) == []
    taken = stamps.pop(len(stamps) // 2)
    assert missing_stamps(stamps, stamps[0], stamps[-1]) == [taken]
