"""Leverage by symbol, both legs of a hedged account, and the band, in whole runs that end in liquidation."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agentic_trading import Signal
from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.summary import result_of
from agentic_trading.band import MOST_RUNS, backtest_band
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.equity import EQUITY
from agentic_trading.core.events import Event, Liquidated, LiquidationPosted
from agentic_trading.core.sizing import FixedQuantity
from agentic_trading.main import record_of
from agentic_trading.request import Objects, effective_settings
from agentic_trading.settings import AppSettings
from agentic_trading.strategies.base import BaseStrategy
from planned_runs import BARE, all_in, planned, write_candles
from two_books import Books, disagreements, kept_books

pytestmark = pytest.mark.integration
BTC, ETH, SOL, XRP = (f"{coin}/USDT:USDT" for coin in ("BTC", "ETH", "SOL", "XRP"))
D = Decimal
ZERO, CAPITAL = D(0), D(10_000)
FREE: dict[str, Any] = {
    **BARE,
    "simulation.fills": "next_open",
    "simulation.participation_ratio": 1.0,
    "simulation.taker_fee_bps": 0.0,
    "simulation.margin_mode": "isolated",
}
"""Nothing costs anything, so that what a liquidation takes is all that is missing."""
FALL = ["100 100 100 100 1000"] * 3 + ["100 100 70 81 1000"] + ["81 82 80 81 1000"] * 3


def prepared(
    root: Path,
    strategies: dict[str, str],
    more: dict[str, Any],
    symbols: tuple[str, ...] = (BTC,),
) -> tuple[AppSettings, Objects]:
    """Settings and strategies by name with the quantities they trade; those called short are short."""
    for symbol in symbols:
        write_candles(root, symbol, FALL)
    plans: list[BaseStrategy[Any]] = [
        planned({0: Signal.short if name.startswith("short") else Signal.long}, name) for name in strategies
    ]
    chosen, objects = effective_settings({**FREE, "backtest.data_dir": str(root), **more}, plans, symbols)
    blocks = [
        block.model_copy(update={"sizing": FixedQuantity(quantity=D(strategies[block.strategy_id]))})
        for block in all_in(chosen).strategies
    ]
    return chosen.model_copy(update={"strategies": tuple(blocks)}), objects


def run(settings: AppSettings, objects: Objects) -> tuple[RunRecord, Books]:
    with kept_books() as kept:
        record = record_of(settings, objects=objects)
    hedged = settings.simulation.position_mode == "hedge"
    assert disagreements(kept[0], CAPITAL, hedged=hedged) == []
    return record, kept[0]


def of(record: RunRecord, kind: type[Event]) -> list[Any]:
    return [event for event in record.events if type(event) is kind]


@pytest.mark.parametrize(
    ("leverages", "lost"),
    [((10.0, 2.0), (BTC,)), ((2.0, 10.0), (ETH,)), ((10.0, 10.0), (BTC, ETH)), ((2.0, 2.0), ())],
)
def test_each_symbol_has_its_own_leverage(
    tmp_path: Path, leverages: tuple[float, float], lost: tuple[str, ...]
) -> None:
    """A fall by a third liquidates what is held at ten, for a tenth of its cost; held at two it stays."""
    by_symbol = dict(zip((BTC, ETH), leverages, strict=True))
    more = {"simulation": {"leverage": 4.0, "symbol_leverage": by_symbol}}
    settings, objects = prepared(tmp_path, {"long": "10"}, more, (BTC, ETH))
    assert settings.simulation.symbol_leverage == by_symbol
    record, books = run(settings, objects)
    forced = of(record, Liquidated)
    assert tuple(event.symbol for event in forced) == lost
    assert all(event.price == 90 for event in forced)  # 100 less the margin of a tenth
    for symbol, leverage in by_symbol.items():
        held = ZERO if symbol in lost else D(10)
        assert books.venue.account.position(symbol) == held
        assert books.venue.account.margin(symbol) == held * 100 / D(leverage)
    # liquidated: 10 x 100 / 10 are gone; still held: 10 x (81 - 100)
    expected = CAPITAL - 100 * len(lost) - 190 * (2 - len(lost))
    assert record.equity[EQUITY][-1] == float(expected)


def test_a_hedged_position_is_closed_with_both_legs(tmp_path: Path) -> None:
    """9 long and 2 short at ten: their margin of 110 carries a fall of 15.71, and is all that is lost."""
    more = {"simulation.leverage": 10.0, "simulation.position_mode": "hedge"}
    record, books = run(*prepared(tmp_path, {"long": "6", "long_too": "3", "short": "2"}, more))
    (forced,) = of(record, Liquidated)
    # bankrupt at 100 - 110 / 7 = 84.2857.., on the tick and toward the entry 84.29; what is left of the
    # margin there, 110 - 7 x 15.71 = 0.03, goes to the liquidation fee
    assert (forced.quantity, forced.price, forced.fee) == (7, D("84.29"), D("0.03"))
    parts = {event.fill.strategy: event.fill for event in of(record, LiquidationPosted)}
    assert {name: (fill.side.value, fill.quantity, fill.fee) for name, fill in parts.items()} == {
        "long": ("sell", 6, D("0.01636364")),
        "long_too": ("sell", 3, D("0.00818182")),
        "short": ("buy", 2, D("0.00545454")),  # 2 / 11 would be one more; the last takes what is left
    }
    nets = {name: D(net) for name, net in result_of(record).trades.select("strategy", "net").iter_rows()}
    fall = D("15.71")
    assert nets == {
        "long": -6 * fall - D("0.01636364"),
        "long_too": -3 * fall - D("0.00818182"),
        "short": 2 * fall - D("0.00545454"),
    }
    assert not books.venue.account.legs(BTC)
    assert books.venue.account.balances["USDT"] == CAPITAL - 110
    assert record.equity[EQUITY][-1] == 9890.0


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_equal_legs_outlive_a_fall_that_ends_a_single_one(tmp_path: Path, mode: str) -> None:
    """Long and short of the same size lose nothing together; the long alone beside them is liquidated."""
    more = {"simulation.leverage": 10.0, "simulation.position_mode": "hedge", "simulation.margin_mode": mode}
    settings, objects = prepared(tmp_path, {"long": "20", "short": "20"}, more, (BTC, ETH))
    only_btc = [
        block.model_copy(update={"symbols": (BTC,)}) if block.strategy_id == "short" else block
        for block in settings.strategies
    ]
    settings = settings.model_copy(update={"strategies": tuple(only_btc)})
    record, books = run(settings, objects)
    assert [event.symbol for event in of(record, Liquidated)] == ([ETH] if mode == "isolated" else [])
    assert len(books.venue.account.legs(BTC)) == 2


@pytest.mark.parametrize("mode", ["isolated", "cross"])
def test_a_band_through_a_liquidation(tmp_path: Path, mode: str) -> None:
    """All runs of a band are liquidated with exact books; it is nested, finite, and knows no break-even."""
    more = {
        "simulation.leverage": 10.0, "simulation.margin_mode": mode, "simulation.fills": "realistic",
        "simulation.taker_fee_bps": 5.0, "risk.max_leverage": 20.0, "backtest.capital": 1_500,
    }  # fmt: skip
    settings, objects = prepared(tmp_path, {"long": "14"}, more, (BTC, ETH, SOL, XRP))
    with kept_books() as kept:
        summary = backtest_band(settings, objects=objects).summary
    band = summary["band"]
    assert summary["counts"]["liquidations"] > 0
    assert 3 <= len(kept) == band["runs"] <= MOST_RUNS
    for books in kept:
        assert disagreements(books, D(1_500)) == []
        assert books.venue._liquidator.closed > 0
    returns = [band[name]["total_return_ratio"] for name in ("pessimistic", "base", "optimistic")]
    assert returns == sorted(returns)
    assert returns[2] < 0
    assert np.isfinite(returns).all()
    assert set(band["break_even_bps"].values()) == {None}


def test_where_marks_are_missing_it_is_said(tmp_path: Path) -> None:
    """A run with leverage counts the candles without a mark price, those of the replay and the finer ones."""
    write_candles(tmp_path, BTC, FALL[:5], kind="mark")
    quarters = [bar for bar in FALL for _ in range(4)]
    write_candles(tmp_path, BTC, quarters, Timeframe.M15)
    write_candles(tmp_path, BTC, quarters[:3], Timeframe.M15, kind="mark")
    more = {"simulation.leverage": 2.0, "backtest.detail_timeframe": "15m"}
    record, _ = run(*prepared(tmp_path, {"long": "1"}, more))
    assert [each.partition(" have")[0] for each in record.warnings if "mark price" in each] == [
        f"{BTC}: 2 of 7 1h candles", f"{BTC}: 25 of 28 15m candles",
    ]  # fmt: skip
    plain, _ = run(*prepared(tmp_path, {"long": "1"}, {**more, "simulation.leverage": 1.0}))
    assert not [each for each in plain.warnings if "stands in for margin" in each]
