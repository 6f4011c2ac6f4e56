"""Candles and specs for the feature tests: every indicator, and markets that try to trip it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from agentic_trading.core import features as make
from agentic_trading.core.enums import MINUTE_NS, Timeframe
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import Candle, CandleColumns, FloatArray
from agentic_trading.features.columns import clock_of
from agentic_trading.features.indicators import INDICATORS

START_NS = 1_704_067_200_000_000_000 + 7 * MINUTE_NS
"""Seven minutes into 2024: neither a day nor a block of candles begins here."""

MARKETS = ("walk", "flat", "ticks", "jumps", "quiet")


def small_specs() -> list[FeatureSpec]:
    """Every indicator with parameters so small that many warm-ups fit into a short series."""
    return [
        make.ema(3), make.ema(1), make.sma(5), make.wma(4), make.macd(2, 5, 3), make.adx(3), make.slope(6),
        make.supertrend(3, 1.5), make.rsi(4), make.stochastic(5, 3, 2), make.cci(5), make.roc(3),
        make.zscore(7), make.atr(3), make.bollinger(6, 2.0), make.donchian(5), make.keltner(3, 1.5),
        make.highest(4), make.lowest(9), make.realized_volatility(5), make.parkinson(4),
        make.volume_sma(3), make.volume_ratio(6), make.mfi(4), make.obv(5), make.vwap(7),
        make.vwap(0, timeframe=Timeframe.H4), make.volume_profile(8, 5),
    ]  # fmt: skip


def default_specs() -> list[FeatureSpec]:
    """Every indicator as strategies usually ask for it."""
    return [
        make.ema(12), make.sma(20), make.wma(20), make.macd(), make.adx(), make.slope(), make.supertrend(),
        make.rsi(), make.stochastic(), make.cci(), make.roc(), make.zscore(), make.atr(), make.bollinger(),
        make.donchian(), make.keltner(), make.highest(20), make.lowest(20), make.realized_volatility(),
        make.parkinson(), make.volume_sma(), make.volume_ratio(), make.mfi(), make.obv(), make.vwap(20),
        make.vwap(timeframe=Timeframe.H1), make.volume_profile(),
    ]  # fmt: skip


def market(kind: str, rows: int, seed: int) -> FloatArray:
    """Valid bars (5, rows) of a random walk, a standstill, coarse ticks, wild jumps, or long silences."""
    draw = np.random.default_rng(seed)
    steps = draw.normal(0.0, 0.002, rows)
    if kind == "flat":
        steps[:] = 0.0
        steps[rows // 3] = 0.01
    elif kind == "jumps":
        steps *= np.where(draw.random(rows) < 0.05, 60.0, 1.0)
    elif kind == "quiet":
        steps *= draw.random(rows) < 0.1
    close = 27_000.0 * np.exp(np.cumsum(steps))
    if kind == "ticks":
        close = np.round(close, -1)
    opened = np.concatenate([close[:1], close[:-1]])
    reach = np.abs(draw.normal(0.0, 0.001, (2, rows))) * (0.0 if kind == "flat" else 1.0)
    volume = draw.exponential(12.0, rows) * (draw.random(rows) < (0.3 if kind == "quiet" else 1.0))
    if kind == "quiet":
        reach *= volume > 0.0
    high = np.maximum(opened, close) * (1.0 + reach[0])
    low = np.minimum(opened, close) * (1.0 - reach[1])
    return np.vstack([opened, high, low, close, volume])


def candles(
    bars: FloatArray,
    timeframe: Timeframe = Timeframe.M1,
    *,
    start_ns: int = START_NS,
    gaps: Sequence[int] = (),
) -> CandleColumns:
    """Bars as candles; before each row in ``gaps`` seven candles are missing."""
    rows = bars.shape[1]
    number = np.arange(rows, dtype=np.int64)
    for row in gaps:
        number[row:] += 7
    first = START_NS - START_NS % timeframe.ns
    starts = np.array(sorted({0, *gaps}), dtype=np.int64) if rows else np.array([], dtype=np.int64)
    filled = np.zeros(rows, dtype=np.bool_)
    return CandleColumns("BTC/USDT", timeframe, first + number * timeframe.ns, bars, filled, starts)


def candle_of(columns: CandleColumns, row: int) -> Candle:
    """One row as the candle a live feed would deliver."""
    opened = int(columns.open_ns[row])
    values = columns.bars[:, row].tolist()
    return Candle(
        columns.symbol, columns.timeframe, opened, opened + columns.timeframe.ns,
        values[0], values[1], values[2], values[3], values[4],
    )  # fmt: skip


def fold(
    spec: FeatureSpec, bars: FloatArray, *, first_candle: int = 0, cuts: Sequence[int] = ()
) -> FloatArray:
    """Run an indicator over bars in the chunks given by ``cuts``, each in arrays of its own."""
    indicator = INDICATORS[spec.indicator]
    timeframe = spec.timeframe or Timeframe.M1
    begin = START_NS // timeframe.ns + first_candle
    clock = clock_of((begin + np.arange(bars.shape[1], dtype=np.int64)) * timeframe.ns, timeframe)
    state = np.zeros(indicator.state_size(*spec.params))
    parts = []
    edges = [0, *sorted(set(cuts)), bars.shape[1]]
    for start, stop in pairwise(edges):
        out = np.empty((indicator.outputs, stop - start))
        chunk, hours = bars[:, start:stop].copy(), clock[:, start:stop].copy()
        indicator.advance(state, chunk, hours, out, 0, stop - start, *spec.params)
        state = np.frombuffer(state.tobytes()).copy()
        parts.append(out)
    return np.concatenate(parts, axis=1)


def same_bits(left: FloatArray, right: FloatArray) -> bool:
    """Equal to the last bit, signs of zero and NaNs included."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()
