"""Leveraged positions through the days on which the market fell: closed by force, and the books exact."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentic_trading import BaseStrategy, Candle, FeatureVector, Signal, TradingContext
from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.summary import result_of
from agentic_trading.band import OPTIMISTIC, PESSIMISTIC, assumed
from agentic_trading.core.enums import SECOND_NS, Timeframe
from agentic_trading.core.equity import EQUITY
from agentic_trading.core.events import Fill, Liquidated, LiquidationPosted
from agentic_trading.core.money import exact
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.importers import import_file
from agentic_trading.main import record_of
from agentic_trading.request import effective_settings
from market_files import real_file
from planned_runs import BARE, all_in, planned
from two_books import Books, disagreements, kept_books, worth

pytestmark = [pytest.mark.integration, pytest.mark.slow]
COINS = ("BTC", "ETH", "LTC", "XRP")
SYMBOLS = [f"{coin}/USDT:USDT" for coin in COINS]
CAPITAL = Decimal(10_000)
ZERO = Decimal(0)
LEVERAGED: dict[str, Any] = {
    **BARE,
    "simulation.leverage": 10.0,
    "simulation.participation_ratio": 1.0,
    "portfolio.sizing.method": "fixed_fraction",
    "portfolio.sizing.fraction": 0.9,
}
"""Each symbol may hold nine tenths of equity, so all four together 3.6 times of it."""

crashes = pytest.mark.parametrize(
    "days", ["20200310-20200315", "20210517-20210522", "20220507-20220514", "20221106-20221111"]
)
modes = pytest.mark.parametrize("mode", ["isolated", "cross"])


class AlwaysLong(BaseStrategy):
    """Wants to be long, whatever happens."""

    name = "always_long"
    timeframes = (Timeframe.H1,)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        return Signal.long(candle)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("crashes")
    for coin in COINS:
        for part in ("1h", "mark_1h", "funding_8h"):
            import_file(real_file(f"binance_usdm_{coin}-USDT-PERP_{part}.parquet"), HistoryStore(root))
    return root


def run(
    history: Path, days: str, strategy: BaseStrategy[Any], more: dict[str, Any]
) -> tuple[RunRecord, Books]:
    """The record and both books of a run."""
    settings = {**LEVERAGED, "backtest.data_dir": str(history), "backtest.timerange": days, **more}
    chosen, objects = effective_settings(settings, [strategy], SYMBOLS)
    with kept_books() as kept:
        record = record_of(all_in(chosen), objects=objects)
    return record, kept[0]


@modes
@crashes
def test_a_crash_liquidates_who_borrowed(history: Path, days: str, mode: str) -> None:
    """At tenfold leverage a long is closed by force; books, trades and equity agree to the last digit."""
    record, books = run(history, days, AlwaysLong(), {"simulation.margin_mode": mode})
    forced = [event for event in record.events if isinstance(event, Liquidated)]
    assert {event.reason for event in forced} == {"liquidated"}
    assert disagreements(books, CAPITAL) == []
    assert np.isfinite(record.equity).all()
    posted = [event.fill for event in record.events if isinstance(event, LiquidationPosted)]
    with exact():
        assert sum((fill.fee for fill in posted), ZERO) == sum((event.fee for event in forced), ZERO)
        assert {fill.symbol for fill in posted} == {event.symbol for event in forced}
        end = worth(record, books.ledger)
        result = result_of(record)
        closed = sum((Decimal(each) for each in result.trades["net"]), ZERO)
        left = result.open_positions
        still = sum((Decimal(each) for name in ("net", "unrealised") for each in left[name]), ZERO)
    assert record.equity[EQUITY][-1] == pytest.approx(float(end), rel=1e-12, abs=1e-6)
    assert CAPITAL + closed + still == end
    assert all(value is None or np.isfinite(value) for value in result.metrics.values())
    if mode == "isolated":
        assert float(end) > 0


@modes
@crashes
def test_the_band_is_nested_through_a_crash(history: Path, days: str, mode: str) -> None:
    """One position, opened by the same decision and left alone, ends no better the harsher the market.

    More than one decision would not be the same: who was liquidated opens what the other one closes.
    """
    start = datetime.strptime(days[:8], "%Y%m%d").replace(tzinfo=UTC)
    once = planned({0: Signal.long}, since_ns=int(start.timestamp()) * SECOND_NS)
    ends, forced = [], []
    base = effective_settings({**LEVERAGED, "simulation.margin_mode": mode}, None, None)[0].simulation
    for market in (assumed(base, "binance", PESSIMISTIC), base, assumed(base, "binance", OPTIMISTIC)):
        changes = {f"simulation.{key}": value for key, value in market.model_dump(mode="json").items()}
        given = {key: value for key, value in changes.items() if value is not None and value != {}}
        record, books = run(history, days, once, given)
        assert disagreements(books, CAPITAL) == []
        bought = [event for event in record.events if type(event) is Fill]
        ends.append(worth(record, books.ledger))
        forced.append({event.symbol for event in record.events if isinstance(event, Liquidated)})
        quantities = {
            fill.symbol: sum(f.quantity for f in bought if f.symbol == fill.symbol) for fill in bought
        }
        assert len(quantities) == len(SYMBOLS)
    assert ends == sorted(ends)
    assert forced[0] >= forced[1] >= forced[2]
    assert forced[1], "nobody is liquidated: the test says nothing"
