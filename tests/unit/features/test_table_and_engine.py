"""The feature table: alignment of timeframes, gaps, sharing; the engine's snapshots and refusals."""

import numpy as np
import pytest

from agentic_trading.core import features as make
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.errors import ConfigError, CorruptData
from agentic_trading.core.events import CandlesClosed
from agentic_trading.core.features import FeatureSpec
from agentic_trading.core.models import CLOSE, CandleColumns, FloatArray
from agentic_trading.features.columns import ColumnStore
from agentic_trading.features.engine import FeatureEngine
from agentic_trading.features.table import build_table
from feature_series import candle_of, candles, market

HOUR = Timeframe.H1
QUARTER = Timeframe.M15


def quarters(rows: int = 40, *, gaps: tuple[int, ...] = ()) -> CandleColumns:
    """Fifteen-minute candles from 00:00 on."""
    return candles(market("walk", rows, 2), QUARTER, gaps=gaps)


def hours(closes: list[float], *, gaps: tuple[int, ...] = ()) -> CandleColumns:
    """Hourly candles from 00:00 on with these closes."""
    bars = np.tile(np.array(closes), (5, 1))
    return candles(bars, HOUR, gaps=gaps)


def test_a_higher_timeframe_shows_its_last_closed_candle() -> None:
    """The value of an hour appears on the row that closes with it, not one earlier, and stays for an hour."""
    table = build_table(
        {QUARTER: quarters(12), HOUR: hours([10.0, 20.0, 30.0])}, QUARTER, [make.sma(1, timeframe="1h")]
    )
    column = table["1h:sma_1"]
    assert np.isnan(column[:3]).all()
    assert column[3:].tolist() == [10.0] * 4 + [20.0] * 4 + [30.0]
    assert table.warm.tolist() == [False] * 3 + [True] * 9
    assert not table.stale.any()


def test_a_missing_higher_candle_makes_the_rows_stale() -> None:
    """When an hour did not come, rows say so from the moment it was due until the next one closes."""
    base = quarters(48)
    late = hours([10.0, 20.0], gaps=(1,))  # 00:00 and 08:00: seven hours are missing
    table = build_table({QUARTER: base, HOUR: late}, QUARTER, [make.sma(1, timeframe="1h")])
    assert table.stale.tolist() == [False] * 7 + [True] * 28 + [False] * 4 + [True] * 9
    assert table["1h:sma_1"][7:35].tolist() == [10.0] * 28


def test_a_gap_starts_features_afresh() -> None:
    """After a gap a feature is NaN until it is warm again and then knows nothing from before the gap."""
    base = quarters(40, gaps=(20,))
    column = build_table({QUARTER: base}, QUARTER, [make.sma(5)])["sma_5"]
    assert np.flatnonzero(np.isnan(column)).tolist() == [0, 1, 2, 3, 20, 21, 22, 23]
    assert column[24] == pytest.approx(base.bars[CLOSE, 20:25].mean())


def test_a_table_reads_prices_and_names_what_was_declared() -> None:
    """Prices are there without asking; an undeclared feature is refused with the list of declared ones."""
    base = quarters()
    table = build_table({QUARTER: base}, QUARTER, [make.sma(3), make.donchian(4)])
    assert len(table) == 40
    assert table["close"].tolist() == base.bars[CLOSE].tolist()
    assert len(table.arrays) == 6
    assert {column.shape for column in table.arrays} == {(40,)}
    assert table.arrays[table.columns["donchian_4.prior_lower"]] is table["donchian_4.prior_lower"]
    with pytest.raises(KeyError, match=r"sma_4.*donchian_4\.lower, .*sma_3"):
        table["sma_4"]


def test_equal_features_are_computed_once() -> None:
    """Tables over the same candles share one array per feature; other candles get their own."""
    names: list[str] = []
    store = ColumnStore(names.append)
    base = {QUARTER: quarters()}
    first = build_table(base, QUARTER, [make.sma(3), make.sma(3), make.sma(3, timeframe="15m")], store=store)
    second = build_table(base, QUARTER, [make.sma(3), make.sma(4)], store=store)
    assert names == ["sma_3", "sma_4"]
    assert np.shares_memory(first["sma_3"], second["sma_3"])
    assert np.shares_memory(first["sma_3"], first["15m:sma_3"])
    other = build_table({QUARTER: quarters(41)}, QUARTER, [make.sma(3)], store=store)
    assert len(other["sma_3"]) == 41


def test_an_empty_history_is_an_empty_table() -> None:
    """No candles give columns without rows, and a higher timeframe without candles gives NaN."""
    empty = build_table({QUARTER: quarters(0)}, QUARTER, [make.ema(2)])
    assert len(empty) == 0
    assert empty.warm.shape == (0,)
    table = build_table({QUARTER: quarters(5), HOUR: hours([])}, QUARTER, [make.sma(1, timeframe=HOUR)])
    assert np.isnan(table["1h:sma_1"]).all()
    assert not table.stale.any()


def test_missing_timeframes_and_unknown_indicators_are_refused() -> None:
    """The refusal names the feature, the timeframe it needs and those that are there."""
    with pytest.raises(
        ConfigError, match="1h:ema_2 needs 1h candles, but only these timeframes are given: 15m"
    ):
        build_table({QUARTER: quarters()}, QUARTER, [make.ema(2, timeframe="1h")])
    with pytest.raises(ConfigError, match="there is no indicator 'emma'"):
        build_table({QUARTER: quarters()}, QUARTER, [FeatureSpec("emma", (3,), 3)])


class TwoTimeframes:
    """A regime model that cannot run: its features live on different candles."""

    features = (make.sma(1, timeframe="1h"), make.sma(1))

    def new_state(self) -> FloatArray:
        """No state."""
        return np.zeros(1)

    def advance(self, state: FloatArray, inputs: FloatArray, out: FloatArray, start: int, stop: int) -> None:
        """Never called."""
        raise AssertionError


def test_a_regime_model_runs_on_one_timeframe() -> None:
    """A model whose features name two timeframes is refused, naming them."""
    with pytest.raises(ConfigError, match="share one timeframe, not 1h, 15m"):
        build_table({QUARTER: quarters(), HOUR: hours([1.0])}, QUARTER, [], TwoTimeframes())


def test_the_engine_says_which_candles_it_needs() -> None:
    """Every timeframe that any declared feature names is asked of the feed, finest first."""
    engine = FeatureEngine(
        {("BTC/USDT", QUARTER): [make.sma(3), make.ema(2, timeframe="4h"), make.rsi(2, timeframe="1h")]}
    )
    assert engine.timeframes == {"BTC/USDT": (QUARTER, HOUR, Timeframe.H4)}


def test_the_engine_refuses_a_candle_from_the_past() -> None:
    """A candle that was already taken in would count twice: it is corrupt data, named by time."""
    base = quarters()
    engine = FeatureEngine({("BTC/USDT", QUARTER): [make.sma(3)]})
    engine.react(CandlesClosed(0, (candle_of(base, 4),)))
    with pytest.raises(CorruptData, match="BTC/USDT 15m candle opening at"):
        engine.react(CandlesClosed(0, (candle_of(base, 4),)))


def test_a_snapshot_fits_only_the_features_it_was_taken_of() -> None:
    """Restoring into an engine with other features is refused; the way out is to warm up."""
    snapshot = FeatureEngine({("BTC/USDT", QUARTER): [make.sma(3)]}).snapshot()
    with pytest.raises(ConfigError, match="warm up from candles"):
        FeatureEngine({("BTC/USDT", QUARTER): [make.sma(4)]}).restore(snapshot)


def test_the_engine_ignores_candles_nobody_declared() -> None:
    """Candles of other symbols and timeframes pass without a vector and without harm."""
    engine = FeatureEngine({("ETH/USDT", QUARTER): [make.sma(1)]})
    assert engine.react(CandlesClosed(0, (candle_of(quarters(), 0),))) == []
