"""Two round trips through the whole engine, worked out on paper and compared to the last digit.

Prices, volumes and rates are chosen so that every rule leaves its mark: latency drift, spread and
slippage, rounding to the tick, participation over two candles, a stop behind a gap, funding received
on a mark price and paid on the last close, fees and payments rounded to eight decimals.
"""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from agentic_trading.backtester.result import Result
from agentic_trading.core.enums import HOUR_NS, Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.data.history import HistoryStore
from agentic_trading.main import backtest
from agentic_trading.strategies.base import BaseStrategy, StrategyParams

START_MS = 1_704_067_200_000
"""2024-01-01 00:00 UTC."""
HOUR_MS = 3_600_000
SPOT, PERPETUAL = "BTC/USDT", "BTC/USDT:USDT"

# One basis point of half-spread and two of slippage. An order needs 36 s of an hour's 3600, a hundredth;
# the root of that is a tenth, so it is moved against us by a tenth of the candle's range.
ASSUMED: dict[str, Any] = {
    "simulation.half_spread_bps": 1.0,
    "simulation.slippage_bps": 2.0,
    "simulation.latency_ms": 36_000,
    "simulation.participation_ratio": 0.1,
    "backtest.capital": 10_000,
    "backtest.exchange": "binance",
    "backtest.timeframe": "1h",
    "portfolio.sizing.method": "fixed_quantity",
    "regime.enabled": False,
}


class HandParams(StrategyParams):
    """When to open and to close, in hours since the start, which way, and the stop."""

    opens: int
    closes: int = -1
    short: bool = False
    stop: float | None = None


class ByHand(BaseStrategy[HandParams]):
    """Opens at one close and, if told so, closes at another."""

    name = "by_hand"
    timeframes = (Timeframe.H1,)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        hour = (candle.close_ns - START_MS * 1_000_000) // HOUR_NS
        if hour == self.params.opens:
            enter = Signal.short if self.params.short else Signal.long
            return enter(candle, stop=self.params.stop)
        return Signal.flat(candle) if hour == self.params.closes else None


def hours(first: int, *bars: str) -> pl.DataFrame:
    """Hourly candles from ``open high low close volume``."""
    rows = [[float(number) for number in bar.split()] for bar in bars]
    names = ("open", "high", "low", "close", "volume")
    stamps = [START_MS + (first + number) * HOUR_MS for number in range(len(rows))]
    return pl.DataFrame({"timestamp": stamps, **dict(zip(names, zip(*rows, strict=True), strict=True))})


def run(tmp_path: Path, symbol: str, quantity: str, params: HandParams, more: Mapping[str, Any]) -> Result:
    settings = {**ASSUMED, "portfolio.sizing.quantity": quantity, "backtest.data_dir": str(tmp_path), **more}
    return backtest([ByHand(params)], [symbol], settings)


def numbers(table: pl.DataFrame, *names: str) -> list[tuple[Decimal, ...]]:
    """Exact columns of a table, row by row."""
    assert all(table.schema[name] == pl.String for name in names)
    return [tuple(Decimal(value) for value in row) for row in table.select(names).iter_rows()]


def exactly(*rows: str) -> list[tuple[Decimal, ...]]:
    return [tuple(Decimal(number) for number in row.split()) for row in rows]


@pytest.mark.integration
def test_spot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bought in two parts, sold in one: 10 bps fee, tick 0.01, lot 0.00001."""
    monkeypatch.chdir(tmp_path)
    candles = hours(
        0,
        "40000 40100 39900 40050 10",  # wanted long at its close, 01:00
        "40050 40200 40000 40150 0.15",  # a tenth of 0.15 is ours: 0.015
        "40150 40300 40100 40200 10",  # the other 0.005
        "40200 40550 40150 40500 10",  # wanted flat at its close, 04:00
        "40500 40600 40300 40400 10",
        "40400 40400 40400 40400 10",
    )
    HistoryStore(tmp_path).write_candles("binance", SPOT, Timeframe.H1, candles, "by hand")
    result = run(tmp_path, SPOT, "0.02", HandParams(opens=1, closes=4), {})
    # 1. 40050 + 3 bps 12.015 + tenth of the range 200, 20 = 40082.015, up to the tick: 40082.02
    #    0.015 x 40082.02 = 601.2303            fee 0.1 % = 0.6012303
    # 2. the rest is there at the open, no drift: 40150 + 12.045 = 40162.045, up: 40162.05
    #    0.005 x 40162.05 = 200.81025           fee 0.20081025
    # 3. 40500 - 12.15 - tenth of the range 300, 30 = 40457.85, on the tick
    #    0.020 x 40457.85 = 809.157             fee 0.809157
    assert numbers(result.fills, "quantity", "price", "fee", "reference_price") == exactly(
        "0.015 40082.02 0.6012303 40050",
        "0.005 40162.05 0.20081025 40150",
        "0.02 40457.85 0.809157 40500",
    )
    # fills are stamped with the arrival, 36 s into the hour, and the rest with the open
    seconds = [(at - START_MS * 1_000_000) // 1_000_000_000 for at in result.fills["timestamp_ns"].to_list()]
    assert seconds == [3600 + 36, 7200, 4 * 3600 + 36]
    # gross   809.157 - 601.2303 - 200.81025 = 7.11645
    # fees    0.6012303 + 0.20081025 + 0.809157 = 1.61119755
    # net     7.11645 - 1.61119755 = 5.50525245
    assert numbers(result.trades, "quantity", "gross", "fees", "funding", "net") == exactly(
        "0.02 7.11645 1.61119755 0 5.50525245"
    )
    # slippage  0.015 x 32.02 + 0.005 x 12.05 + 0.02 x 42.15 = 0.4803 + 0.06025 + 0.843 = 1.38355
    assert result.summary["costs"] == {"fees": 1.61119755, "slippage": 1.38355, "funding": 0.0}
    # 02:00   cash 10000 - 601.2303 - 0.6012303 = 9398.1684697, coins 0.015 x 40150 = 602.25
    # 03:00   cash 9398.1684697 - 200.81025 - 0.20081025 = 9197.15740945, coins 0.02 x 40200 = 804
    # 05:00   cash 9197.15740945 + 809.157 - 0.809157 = 10005.50525245, no coins
    assert result.equity["cash"].to_list() == [
        10000.0, 9398.1684697, 9197.15740945, 9197.15740945, 10005.50525245, 10005.50525245,
    ]  # fmt: skip
    assert result.equity["equity"].to_list() == [
        10000.0, 9398.1684697 + 602.25, 9197.15740945 + 804.0, 9197.15740945 + 810.0, 10005.50525245,
        10005.50525245,
    ]  # fmt: skip
    assert result.metrics["net_profit"] == 10005.50525245 - 10000.0


@pytest.mark.integration
def test_perpetual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short that receives funding, pays funding, and is stopped behind a gap: 5 bps fee, tick 0.01."""
    monkeypatch.chdir(tmp_path)
    store = HistoryStore(tmp_path)
    candles = hours(
        5,
        "40000 40100 39900 40000 10",  # wanted short at its close, 06:00, with a stop at 40500
        "40000 40100 39900 39950 10",
        "39950 40000 39800 39850 10",  # closes 08:00: funding on the mark
        "39850 39900 39700 39750 10",
        "39750 40300 39700 40280 10",  # closes 10:00: funding without a mark
        "40600 40700 40550 40650 10",  # opens beyond the stop
        "40650 40700 40600 40650 10",
    )
    store.write_candles("binance", PERPETUAL, Timeframe.H1, candles, "by hand")
    mark = hours(7, "39955 39990 39810 39860.5 0")
    store.write_candles("binance", PERPETUAL, Timeframe.H1, mark, "by hand", kind="mark")
    stamps = [START_MS + hour * HOUR_MS for hour in (6, 8, 10)]
    rates = pl.DataFrame({"timestamp": stamps, "rate": [0.01, 0.0001, -0.00023711]})
    store.write_funding("binance", PERPETUAL, rates, "by hand")
    result = run(tmp_path, PERPETUAL, "0.01", HandParams(opens=6, short=True, stop=40_500.0), {})
    # 1. 40000 - 3 bps 12 - tenth of the range 200, 20 = 39968
    #    0.01 x 39968 = 399.68                  fee 0.05 % = 0.19984
    # 2. the worse of stop 40500 and open 40600, no drift: 40600 + 12.18 = 40612.18, on the tick
    #    0.01 x 40612.18 = 406.1218             fee 0.2030609
    assert numbers(result.fills, "quantity", "price", "fee", "reference_price") == exactly(
        "0.01 39968 0.19984 40000", "0.01 40612.18 0.2030609 40600"
    )
    seconds = [(at - START_MS * 1_000_000) // 1_000_000_000 for at in result.fills["timestamp_ns"].to_list()]
    assert seconds == [6 * 3600 + 36, 10 * 3600]
    # 06:00  opened after the stamp: nothing
    # 08:00  0.01 x 39860.5 x 0.0001 = 0.0398605, received
    # 10:00  0.01 x 40280 x 0.00023711 = 0.095507908, paid, and the ninth decimal against us: 0.09550791
    assert numbers(result.funding, "rate", "notional", "payment") == exactly(
        "0.0001 -398.605 0.0398605", "-0.00023711 -402.8 -0.09550791"
    )
    # gross    399.68 - 406.1218 = -6.4418
    # fees     0.19984 + 0.2030609 = 0.4029009
    # funding  0.0398605 - 0.09550791 = -0.05564741
    # net      -6.4418 - 0.4029009 - 0.05564741 = -6.90034831
    assert numbers(result.trades, "quantity", "gross", "fees", "funding", "net") == exactly(
        "0.01 -6.4418 0.4029009 -0.05564741 -6.90034831"
    )
    assert result.trades["exit_reason"].to_list() == ["stop"]
    # slippage  0.01 x 32 + 0.01 x 12.18 = 0.4418
    assert result.summary["costs"] == {"fees": 0.4029009, "slippage": 0.4418, "funding": -0.05564741}
    # wallet: 10000 - 0.19984 = 9999.80016; + 0.0398605 = 9999.8400205; - 0.09550791 = 9999.74451259;
    #         - 6.4418 - 0.2030609 = 9993.09965169
    assert result.equity["cash"].to_list() == [
        10000.0, 9999.80016, 9999.8400205, 9999.8400205, 9999.74451259, 9993.09965169, 9993.09965169,
    ]  # fmt: skip
    # equity: wallet + 399.68 for what was sold - 0.01 x close, e.g. 07:00 9999.80016 + 399.68 - 399.5
    assert result.equity["equity"].to_list() == [
        10000.0,
        10399.48016 - 399.5,
        10399.5200205 - 398.5,
        10399.5200205 - 397.5,
        10399.42451259 - 402.8,
        9993.09965169,
        9993.09965169,
    ]
