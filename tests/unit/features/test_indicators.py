"""What indicators mean where TA-Lib has no word for it, and what they say when nothing moves."""

import hashlib

import numpy as np
import pytest

from agentic_trading.core import features as make
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import CLOSE, HIGH, LOW, VOLUME, FloatArray
from feature_series import fold, market, small_specs
from other_machine import OTHER_MACHINES, run_elsewhere

BARS = market("walk", 900, 33)
TYPICAL = (BARS[HIGH] + BARS[LOW] + BARS[CLOSE]) / 3.0


def windows(values: FloatArray, n: int) -> FloatArray:
    """All windows of n values, one per row."""
    return np.lib.stride_tricks.sliding_window_view(values, n)


def test_donchian_offers_the_channel_before_this_candle() -> None:
    """``prior_upper`` and ``prior_lower`` are the channel as it stood one candle earlier."""
    upper, middle, lower, prior_upper, prior_lower = fold(make.donchian(20), BARS)[:, 20:]
    tops, bottoms = windows(BARS[HIGH], 20).max(axis=1), windows(BARS[LOW], 20).min(axis=1)
    assert upper.tolist() == tops[1:].tolist()
    assert lower.tolist() == bottoms[1:].tolist()
    assert prior_upper.tolist() == tops[:-1].tolist()
    assert prior_lower.tolist() == bottoms[:-1].tolist()
    assert middle.tolist() == ((upper + lower) / 2.0).tolist()


def test_extremes_are_exact() -> None:
    """Highest and lowest are the very prices of the window, in every kind of market."""
    for kind in ("walk", "ticks", "jumps", "quiet"):
        bars = market(kind, 500, 4)
        assert fold(make.highest(9), bars)[0, 8:].tolist() == windows(bars[HIGH], 9).max(axis=1).tolist()
        assert fold(make.lowest(9), bars)[0, 8:].tolist() == windows(bars[LOW], 9).min(axis=1).tolist()


def test_keltner_is_an_ema_and_an_atr() -> None:
    """The middle is EMA(n), the bands are k ATR(n) away from it."""
    spec = make.keltner(10, 1.5)
    upper, middle, lower = fold(spec, BARS)[:, spec.warm_up - 1 :]
    ema, atr = (
        fold(make.ema(10), BARS)[0, spec.warm_up - 1 :],
        fold(make.atr(10), BARS)[0, spec.warm_up - 1 :],
    )
    np.testing.assert_allclose(middle, ema, rtol=1e-12)
    np.testing.assert_allclose(upper - middle, 1.5 * atr, rtol=1e-9)
    np.testing.assert_allclose(middle - lower, 1.5 * atr, rtol=1e-9)


def test_bollinger_width_is_the_range_over_the_middle() -> None:
    """``width`` is (upper - lower) / middle."""
    upper, middle, lower, width = fold(make.bollinger(), BARS)[:, 19:]
    np.testing.assert_allclose(width, (upper - lower) / middle, rtol=1e-12)


def test_volatilities_follow_their_formulas() -> None:
    """Realised volatility is the root mean square of log returns, Parkinson's comes from log ranges."""
    returns = np.diff(np.log(BARS[CLOSE]))
    expected = np.sqrt((windows(returns, 20) ** 2).mean(axis=1))
    np.testing.assert_allclose(fold(make.realized_volatility(20), BARS)[0, 20:], expected, rtol=1e-10)
    ranges = np.log(BARS[HIGH] / BARS[LOW])
    expected = np.sqrt((windows(ranges, 20) ** 2).mean(axis=1) / (4.0 * np.log(2.0)))
    np.testing.assert_allclose(fold(make.parkinson(20), BARS)[0, 19:], expected, rtol=1e-10)


def test_volume_ratio_compares_with_a_mean_that_includes_the_candle() -> None:
    """A candle with all the volume of its window has the ratio n."""
    bars = market("walk", 40, 1)
    bars[VOLUME] = 0.0
    bars[VOLUME, 30] = 7.0
    ratio = fold(make.volume_ratio(10), bars)[0]
    assert ratio[30] == pytest.approx(10.0)
    assert ratio[31] == 0.0
    assert ratio[20] == 0.0


def test_rolling_vwap_weighs_prices_by_volume() -> None:
    """VWAP(n) is traded value over volume of the last n candles."""
    value, volume = windows(TYPICAL * BARS[VOLUME], 12).sum(axis=1), windows(BARS[VOLUME], 12).sum(axis=1)
    np.testing.assert_allclose(fold(make.vwap(12), BARS)[0, 11:], value / volume, rtol=1e-12)


def test_session_vwap_starts_with_the_utc_day() -> None:
    """The session's VWAP is NaN until a day begins and then averages that day's candles only."""
    vwap = fold(make.vwap(timeframe=Timeframe.H1), BARS)[0]  # the series begins at 00:00
    late = fold(make.vwap(timeframe=Timeframe.H1), BARS[:, 5:], first_candle=5)[0]
    assert np.isnan(late[:19]).all()
    assert late[19:].tobytes() == vwap[24:].tobytes()
    for row in (0, 23, 24, 60):
        day = slice(row - row % 24, row + 1)
        expected = (TYPICAL[day] * BARS[VOLUME, day]).sum() / BARS[VOLUME, day].sum()
        assert vwap[row] == pytest.approx(expected, rel=1e-12)


def test_supertrend_follows_the_published_recursion() -> None:
    """After the warm-up, line and side are those of the endless recursion over all candles."""
    n, k = 5, 2.0
    spec = make.supertrend(n, k)
    value, side = fold(spec, BARS)
    previous, atr, upper, lower, direction = BARS[CLOSE, 0], BARS[HIGH, 0] - BARS[LOW, 0], 1e18, 0.0, 1.0
    flips = 0
    for row in range(BARS.shape[1]):
        high, low, close = BARS[HIGH, row], BARS[LOW, row], BARS[CLOSE, row]
        if row:
            atr += (max(high, previous) - min(low, previous) - atr) / n
        middle = (high + low) / 2.0
        upper = min(middle + k * atr, upper) if previous <= upper else middle + k * atr
        lower = max(middle - k * atr, lower) if previous >= lower else middle - k * atr
        turned = 1.0 if close > upper else -1.0 if close < lower else direction
        flips += turned != direction
        direction, previous = turned, close
        if row >= spec.warm_up - 1:
            assert side[row] == direction
            assert value[row] == pytest.approx(lower if direction > 0 else upper, rel=1e-12)
    assert flips > 5


@pytest.mark.slow
def test_volume_profile_finds_where_the_volume_was() -> None:
    """The point of control is in the busiest bin; the value area around it holds 70 % of the volume."""
    rows, bins = 40, 10
    prices = np.repeat([100.5, 104.5, 105.5, 106.5, 109.5], 8)
    bars = np.vstack([prices, prices, prices, prices, np.repeat([1.0, 3.0, 10.0, 4.0, 1.0], 8)])
    bars[HIGH, 0], bars[LOW, 0], bars[VOLUME, 0] = 110.0, 100.0, 0.0
    poc, high, low = fold(make.volume_profile(rows, bins), bars)[:, -1]
    assert (poc, high, low) == (105.5, 107.0, 105.0)


def test_volume_profile_spreads_a_candle_over_its_range() -> None:
    """One wide candle alone has its value area over 70 % of its range, grown upwards."""
    bars = np.array([[100.0], [110.0], [100.0], [105.0], [50.0]])
    poc, high, low = fold(make.volume_profile(1, 10), bars)[:, 0]
    assert (poc, high, low) == pytest.approx((100.5, 107.0, 100.0))


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        (make.rsi(2), [50.0]),
        (make.stochastic(3, 1, 1), [50.0, 50.0]),
        (make.cci(3), [0.0]),
        (make.zscore(3), [0.0]),
        (make.mfi(3), [50.0]),
        (make.volume_ratio(3), [0.0]),
        (make.adx(2), [0.0, 0.0, 0.0]),
        (make.vwap(3), [100.0]),
        (make.volume_profile(3, 4), [100.0, 100.0, 100.0]),
        (make.bollinger(3, 2.0), [100.0, 100.0, 100.0, 0.0]),
        (make.realized_volatility(3), [0.0]),
    ],
    ids=lambda value: value.name if isinstance(value, FeatureSpec) else "",
)
def test_a_market_that_stands_still_has_neutral_values(spec: FeatureSpec, expected: list[float]) -> None:
    """Without movement and volume every feature is a finite, neutral number: never NaN, never infinite."""
    still = np.vstack([np.full((4, 120), 100.0), np.zeros((1, 120))])
    assert fold(spec, still)[:, -1].tolist() == expected


DIGEST = """
import hashlib, sys
sys.path.insert(0, {tests!r})
from feature_series import fold, market, small_specs
digest = hashlib.sha256()
bars = market("ticks", 150, 8)
for spec in small_specs():
    digest.update(fold(spec, bars).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.integration
@pytest.mark.parametrize("machine", OTHER_MACHINES)
def test_other_machines_compute_the_same_bits(machine: str) -> None:
    """An older CPU, another time zone, or no compiler at all: every indicator gives the same bits."""
    from pathlib import Path

    here = hashlib.sha256()
    bars = market("ticks", 150, 8)
    for spec in small_specs():
        here.update(fold(spec, bars).tobytes())
    assert run_elsewhere(DIGEST.format(tests=str(Path(__file__).parents[2])), machine) == here.hexdigest()
