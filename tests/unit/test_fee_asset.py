"""Fees in a third asset, end to end: bought out of the capital, spent at its price, and never lost."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from agentic_trading import Signal, backtest
from agentic_trading.backtester.record import RunRecord
from agentic_trading.backtester.summary import result_of
from agentic_trading.backtester.trades.round_trips import fee_in_quote
from agentic_trading.core.equity import CASH, EQUITY
from agentic_trading.core.events import Fill
from agentic_trading.core.money import exact
from agentic_trading.main import record_of
from agentic_trading.portfolio.equity import EquityCurve
from agentic_trading.portfolio.ledger import Ledger
from agentic_trading.request import effective_settings
from planned_runs import BARE, planned, write_candles
from terminal import Terminal
from two_books import Books, disagreements, kept_books, worth

SPOT, PERPETUAL = "BTC/USDT", "ETH/USDT:USDT"
D = Decimal
CAPITAL = D(10_000)
PAYING: dict[str, Any] = {
    **BARE,
    "simulation.fills": "next_open",
    "simulation.participation_ratio": 1.0,
    "simulation.fee_asset": "BNB",
    "simulation.fee_asset_price": 500.0,
    "simulation.fee_asset_discount_ratio": 0.25,
    "portfolio.sizing.method": "fixed_quantity",
    "portfolio.sizing.quantity": "1",
}
TRIPS = {0: Signal.long, 2: Signal.flat, 4: Signal.long, 6: Signal.flat, 8: Signal.long}
BARS = [f"{100 + hour} {102 + hour} {99 + hour} {101 + hour} 1000" for hour in range(12)]


def run(root: Path, symbols: list[str], quantity: str, **more: Any) -> tuple[RunRecord, Books]:
    """The record and both books of a run that pays its fees from a stock of so much."""
    for symbol in symbols:
        write_candles(root, symbol, BARS)
    settings = {**PAYING, "backtest.data_dir": str(root), "simulation.fee_asset_quantity": quantity, **more}
    chosen, objects = effective_settings(settings, [planned(TRIPS)], symbols)
    with kept_books() as kept:
        record = record_of(chosen, objects=objects)
    assert disagreements(kept[0], CAPITAL) == []
    return record, kept[0]


def fills_of(record: RunRecord) -> list[Fill]:
    return [event for event in record.events if isinstance(event, Fill)]


def test_a_stock_by_hand(tmp_path: Path) -> None:
    """One fee with the discount from 0.0003 BNB; the second is more than is left and goes to quote."""
    record, books = run(tmp_path, [SPOT], "0.0003")
    # 0.0003 BNB at 500 cost 0.15, so there are 9999.85 USDT.
    # bought 1 at 101: fee 0.101 x 0.75 = 0.07575, in BNB 0.0001515
    # sold   1 at 103: fee 0.103 x 0.75 = 0.07725, 0.0001545 is more than the 0.0001485 left: 0.103 USDT
    # bought 1 at 105: 0.07875, 0.0001575 is too much again: 0.105; and so on
    paid = [(fill.fee, fill.fee_asset) for fill in fills_of(record)]
    assert paid == [
        (D("0.0001515"), "BNB"), (D("0.103"), "USDT"), (D("0.105"), "USDT"), (D("0.107"), "USDT"),
        (D("0.109"), "USDT"),
    ]  # fmt: skip
    assert books.ledger.balance("BNB") == D("0.0001485")
    # at the first close nothing has happened: the account is worth the capital, of which 0.15 is no cash
    assert (record.equity[EQUITY][0], record.equity[CASH][0]) == (10_000.0, 9999.85)
    # bought at 101, and 102 is shown as that candle closes: + 1, less a fee worth 0.07575
    assert record.equity[EQUITY][1] == pytest.approx(10_000 + 1 - 0.07575, abs=1e-9)
    result = result_of(record)
    trades = result.trades
    assert [D(each) for each in trades["gross"]] == [2, 2]
    assert [D(each) for each in trades["fees"]] == [D("0.17875"), D("0.212")]
    assert [D(each) for each in trades["net"]] == [D("1.82125"), D("1.788")]
    assert result.summary["costs"]["fees"] == pytest.approx(
        0.07575 + 0.103 + 0.105 + 0.107 + 0.109, abs=1e-12
    )
    (warning,) = [each for each in result.summary["warnings"] if "BNB" in each]
    assert warning == (
        "There was not enough BNB for 4 of 5 fees, the first at 2024-01-01 03:00 UTC: "
        "they were paid in USDT, without discount."
    )


@pytest.mark.parametrize("quantity", ["0.0001", "0.0004", "0.001", "3"])
@pytest.mark.parametrize("mode", ["one_way", "hedge"])
def test_nothing_is_lost(tmp_path: Path, quantity: str, mode: str) -> None:
    """The fee asset falls by its fees, never below zero; nets and open profit are the change of equity."""
    record, books = run(tmp_path, [SPOT, PERPETUAL], quantity, **{"simulation.position_mode": mode})
    fills, ledger = fills_of(record), books.ledger
    assert len(fills) == 10
    with exact():
        spent = sum((fill.fee for fill in fills if fill.fee_asset == "BNB"), D(0))
        assert ledger.balance("BNB") == D(quantity) - spent >= 0
        end = worth(record, ledger)
        result = result_of(record)
        closed = sum((D(each) for each in result.trades["net"]), D(0))
        left = result.open_positions
        still = sum(
            (D(net) + D(gain) for net, gain in zip(left["net"], left["unrealised"], strict=True)), D(0)
        )
        assert closed + still == end - CAPITAL
        before = sum((D(each) for each in [*result.trades["gross"], *left["realised"]]), D(0))
        after = sum((D(each) for each in [*result.trades["net"], *left["net"]]), D(0))
        fees = sum((fee_in_quote(fill, record.prices) for fill in fills), D(0))
        assert fees == before - after
    assert float(end) == pytest.approx(float(record.equity[EQUITY][-1]), abs=1e-9)
    assert result.summary["costs"]["fees"] == pytest.approx(float(fees), abs=1e-12)


def test_the_discount_is_what_is_saved(tmp_path: Path) -> None:
    """With enough of the asset every fee costs a quarter less, but for the last digit of each rounding."""
    with_stock, _ = run(tmp_path, [SPOT], "1")
    without, _ = run(
        tmp_path,
        [SPOT],
        "1",
        **{"simulation.fee_asset_discount_ratio": 0.0, "simulation.fee_asset_price": 1.0},
    )
    for less, full in zip(fills_of(with_stock), fills_of(without), strict=True):
        assert (less.quantity, less.price) == (full.quantity, full.price)
        due = full.fee * D("0.75")  # the fee is rounded up, and what it is in the asset once more
        assert due <= less.fee * 500 <= due + D("0.00000502")


def test_the_stock_changes_no_decision_before_it_is_used(tmp_path: Path) -> None:
    """The capital is what it was: a run with a stock starts with the same equity and the same first order."""
    paying, _ = run(tmp_path, [SPOT], "0.001")
    settings = {key: value for key, value in PAYING.items() if "fee_asset" not in key}
    plain = backtest([planned(TRIPS)], [SPOT], {**settings, "backtest.data_dir": str(tmp_path)})
    assert paying.equity[EQUITY][0] == plain.equity["equity"][0] == 10_000.0
    assert plain.fills["quantity"][0] == str(fills_of(paying)[0].quantity)
    assert result_of(paying).metrics["net_profit"] > plain.metrics["net_profit"]


def test_a_stock_counts_before_the_first_candle() -> None:
    """Equity, and the start of the first day, are the capital though a part of it is not cash."""
    ledger = Ledger({}, {"USDT": D(400), "BNB": D(2)}, {"BNB": D(300)})
    curve = EquityCurve(ledger, [], "USDT")
    assert (curve.equity, curve.day_loss_ratio) == (1_000.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"simulation.fee_asset_quantity": 21}, "21 BNB cost 10500"),
        ({"simulation.fee_asset": "USDT"}, "everything is counted in it"),
        ({"simulation.fee_asset": "BTC"}, "BTC/USDT is traded in this run"),
    ],
)
def test_a_stock_that_cannot_be(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    """A stock that the capital cannot buy, or that is cash or a position already, is refused by name."""
    with pytest.raises(Exception, match=said) as caught:
        run(tmp_path, [SPOT], "1", **changes)
    assert type(caught.value).__name__ == "ConfigError"
    assert str(caught.value).startswith("simulation.fee_asset")


def test_the_command_line_pays_in_a_third_asset(terminal: Terminal) -> None:
    """Report, JSON and stored results of such a run are there, and verify makes it again."""
    stock = [f"simulation.{key}" for key in ("fee_asset=BNB", "fee_asset_price=600", "fee_asset_quantity=1")]
    answer = terminal.backtest(*(word for each in stock for word in ("--set", each)), "--json")
    assert answer.code == 0, answer.err
    summary = json.loads(answer.out)
    fills = pl.read_parquet(Path(summary["files"]["report"]).parent / "fills.parquet")
    assert set(fills["fee_asset"]) == {"BNB"}
    owed = sum(float(fee) * 600 for fee in fills["fee"])
    assert summary["costs"]["fees"] == pytest.approx(owed)
    assert "Fees" in Path(summary["files"]["report"]).read_text("utf-8")
    assert terminal("verify", "last").code == 0
