"""TA-Lib as the oracle: where it defines the same thing, the values agree to 1e-9.

TA-Lib starts its averages differently (from a simple mean), so recursive ones are compared after the
warm-up, when both have forgotten how they began.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agentic_trading.core import features as make
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import CLOSE, HIGH, LOW, VOLUME, FloatArray
from feature_series import fold, market

talib = pytest.importorskip("talib")

BITCOIN = Path(__file__).parents[3].parent / "shared" / "data" / "binance_spot_BTC-USDT_1h.parquet"
TOLERANCE = 1e-9

Oracle = Callable[[FloatArray, FloatArray, FloatArray, FloatArray], tuple[FloatArray, ...]]


def obv_gain(close: FloatArray, volume: FloatArray, n: int) -> FloatArray:
    """TA-Lib's endless OBV as change over n candles."""
    endless = talib.OBV(close, volume)
    gain = np.full_like(endless, np.nan)
    gain[n:] = endless[n:] - endless[:-n]
    return gain


def directional(high: FloatArray, low: FloatArray, close: FloatArray, n: int) -> tuple[FloatArray, ...]:
    """ADX, +DI and -DI."""
    return (
        talib.ADX(high, low, close, n),
        talib.PLUS_DI(high, low, close, n),
        talib.MINUS_DI(high, low, close, n),
    )


CASES: list[tuple[FeatureSpec, Oracle]] = [
    (make.ema(12), lambda h, lo, c, v: (talib.EMA(c, 12),)),
    (make.ema(50), lambda h, lo, c, v: (talib.EMA(c, 50),)),
    (make.sma(20), lambda h, lo, c, v: (talib.SMA(c, 20),)),
    (make.wma(20), lambda h, lo, c, v: (talib.WMA(c, 20),)),
    (make.macd(), lambda h, lo, c, v: talib.MACD(c, 12, 26, 9)),
    (make.adx(), lambda *hlcv: directional(*hlcv[:3], 14)),
    (make.slope(20), lambda h, lo, c, v: (talib.LINEARREG_SLOPE(c, 20),)),
    (make.rsi(), lambda h, lo, c, v: (talib.RSI(c, 14),)),
    (make.stochastic(14, 3, 3), lambda h, lo, c, v: talib.STOCH(h, lo, c, 14, 3, 0, 3, 0)),
    (make.cci(20), lambda h, lo, c, v: (talib.CCI(h, lo, c, 20),)),
    (make.roc(10), lambda h, lo, c, v: (talib.ROC(c, 10),)),
    (make.atr(), lambda h, lo, c, v: (talib.ATR(h, lo, c, 14),)),
    (make.bollinger(), lambda h, lo, c, v: talib.BBANDS(c, 20, 2.0, 2.0)),
    (make.highest(30), lambda h, lo, c, v: (talib.MAX(h, 30),)),
    (make.lowest(30), lambda h, lo, c, v: (talib.MIN(lo, 30),)),
    (make.donchian(20), lambda h, lo, c, v: (talib.MAX(h, 20), talib.MIDPRICE(h, lo, 20), talib.MIN(lo, 20))),
    (make.volume_sma(20), lambda h, lo, c, v: (talib.SMA(v, 20),)),
    (make.mfi(), lambda h, lo, c, v: (talib.MFI(h, lo, c, v, 14),)),
    (make.obv(20), lambda h, lo, c, v: (obv_gain(c, v, 20),)),
    (make.zscore(20), lambda h, lo, c, v: ((c - talib.SMA(c, 20)) / talib.STDDEV(c, 20),)),
]  # fmt: skip

SCALED_BY_PRICE = {"macd", "slope"}
"""Differences of prices, near zero at times: their error is measured against the price."""
SCALED_BY_FLOW = {"obv"}
"""A difference of TA-Lib's endless sum, which is itself rounded."""


def bitcoin_hours() -> FloatArray:
    """Five thousand hours of BTC/USDT as bars."""
    if not BITCOIN.exists():
        pytest.skip("the shared market data is not here")
    frame = pl.read_parquet(BITCOIN, columns=["open", "high", "low", "close", "volume"], n_rows=5_000)
    return np.ascontiguousarray(frame.to_numpy().T.astype(np.float64))


@pytest.mark.parametrize(("spec", "oracle"), CASES, ids=[spec.name for spec, _ in CASES])
@pytest.mark.parametrize("source", ["walk", "ticks", "bitcoin"])
def test_agreement_with_talib(spec: FeatureSpec, oracle: Oracle, source: str) -> None:
    """From the warm-up on, every value is TA-Lib's to nine digits."""
    bars = bitcoin_hours() if source == "bitcoin" else market(source, 5_000, 21)
    ours = fold(spec, bars)[:, spec.warm_up - 1 :]
    theirs = oracle(bars[HIGH], bars[LOW], bars[CLOSE], bars[VOLUME])
    scale = 1.0
    if spec.indicator in SCALED_BY_PRICE:
        scale = float(bars[CLOSE].mean())
    elif spec.indicator in SCALED_BY_FLOW:
        scale = float(bars[VOLUME].sum())
    for mine, other in zip(ours, theirs, strict=False):
        expected = other[spec.warm_up - 1 :]
        assert np.isfinite(expected).all()
        np.testing.assert_allclose(mine, expected, rtol=TOLERANCE, atol=TOLERANCE * scale)
