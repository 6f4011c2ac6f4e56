"""The data layer on real candles, where they lie beside the repository."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from agentic_trading.core.enums import Timeframe
from agentic_trading.data.candle_builder import build, from_trades
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.importers import import_file
from agentic_trading.data.quality import passport
from market_files import real_file

pytestmark = pytest.mark.integration
BTC, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "binance_spot_BTC-USDT_1m_20210917-20211017", "binance_spot_BTC-USDT_1m_20230316-20230501",
        "binance_spot_ETH-USDT_1m_20210917-20211017", "binance_spot_ETH-USDT_1m_20230316-20230501",
        "binance_spot_BTC-USDT_5m_20210430-20210530", "binance_usdm_XRP-USDT-PERP_1m_20250504-20250603",
    ],
)  # fmt: skip
def test_building_hours_agrees_with_the_venue(store: HistoryStore, name: str) -> None:
    """Hours built from real minutes are the venue's own hours, wherever the minutes are complete."""
    minutes = import_file(real_file(f"{name}.parquet"), store)
    assert minutes.timeframe is not None
    hours_file = "_".join((*name.split("_")[:3], "1h")) + ".parquet"
    built = build(store.read("binance", minutes.symbol, minutes.timeframe, max_fill=0), Timeframe.H1)
    other = HistoryStore(store.root / "hours")
    import_file(real_file(hours_file), other)
    hours = other.read("binance", minutes.symbol, Timeframe.H1, max_fill=0)
    common, mine, theirs = np.intersect1d(built.open_ns, hours.open_ns, return_indices=True)
    assert len(common) > 650
    assert np.array_equal(built.bars[:4, mine], hours.bars[:4, theirs])
    assert np.allclose(built.bars[4, mine], hours.bars[4, theirs], rtol=1e-9)


def test_hours_of_seven_years(store: HistoryStore) -> None:
    """The BTC hours import whole, with exactly the outages the source is known to have."""
    report = import_file(real_file("binance_spot_BTC-USDT_1h.parquet"), store)
    columns = store.read("binance", BTC, Timeframe.H1)
    result = passport([columns], *store.provenance("binance", BTC, Timeframe.H1))
    assert (report.rows, report.added, report.gaps, report.missing) == (64870, 64870, 27, 122)
    assert (result.gaps, result.missing, result.zero_volume) == (27, 122, 3)
    assert result.filled == 27  # the first candle of every outage
    assert len(columns.starts) == 1 + 18  # 18 outages are longer than that


def test_funding_with_and_without_jitter_is_the_same(store: HistoryStore) -> None:
    """Stamps as the venue sends them fall on the cleaned ones: a second file of the same adds nothing."""
    import_file(real_file("binance_usdm_BTC-USDT-PERP_funding_8h.parquet"), store)
    raw = import_file(
        real_file("binance_usdm_BTC-USDT-PERP_funding_rawstamps_20210629-20230108.parquet"), store
    )
    assert (raw.added, raw.replaced, raw.unchanged) == (0, 0, 1673)
    assert len(store.read_funding("binance", PERPETUAL)[0]) == 6272


def test_mark_prices_without_volume(store: HistoryStore) -> None:
    """Mark files whose volume is null or zero both become mark prices."""
    for venue, market in (("bybit", "linear"), ("binance", "usdm")):
        report = import_file(real_file(f"{venue}_{market}_BTC-USDT-PERP_mark_1h.parquet"), store)
        assert len(store.read_mark(venue, PERPETUAL, Timeframe.H1)) == report.rows


def test_candles_of_a_real_tape(store: HistoryStore) -> None:
    """Candles from real trades hold every trade's quantity and lie within its prices."""
    tape = pl.read_parquet(real_file("binance_spot_BTC-USDT_trades_20210108.parquet"))
    times = tape["timestamp"].to_numpy() * 1_000_000
    minute = Timeframe.M1.ns
    first, last = int(times[0]) // minute * minute, (int(times[-1]) // minute + 1) * minute
    price, quantity = tape["price"].to_numpy(), tape["quantity"].to_numpy()
    candles = from_trades(BTC, times, price, quantity, Timeframe.M1, since_ns=first, until_ns=last)
    for row in range(len(candles)):
        inside = tape.filter((tape["timestamp"] * 1_000_000) // minute == int(candles.open_ns[row]) // minute)
        expected = [inside["price"][0], inside["price"].max(), inside["price"].min(), inside["price"][-1]]
        assert candles.bars[:4, row].tolist() == expected
        assert np.isclose(candles.bars[4, row], inside["quantity"].sum(), rtol=1e-12)
    assert np.isclose(candles.bars[4].sum(), quantity.sum(), rtol=1e-12)
