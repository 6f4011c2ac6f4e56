"""Leveraged positions through the days on which the market fell: closed by force, and the books exact."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from agentic_trading import BaseStrategy, Candle, FeatureVector, Signal, TradingContext, backtest
from agentic_trading.core.enums import Timeframe
from agentic_trading.data.history import HistoryStore
from agentic_trading.data.importers import import_file
from market_files import real_file

pytestmark = pytest.mark.integration
PERPETUAL = "BTC/USDT:USDT"


class AlwaysLong(BaseStrategy):
    """Wants to be long, whatever happens."""

    name = "always_long"
    timeframes = (Timeframe.H1,)

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        return Signal.long(candle)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("crashes")
    for part in ("1h", "mark_1h", "funding_8h"):
        import_file(real_file(f"binance_usdm_BTC-USDT-PERP_{part}.parquet"), HistoryStore(root))
    return root


@pytest.mark.parametrize("mode", ["isolated", "cross"])
@pytest.mark.parametrize(
    "days", ["20200310-20200315", "20210517-20210522", "20220507-20220514", "20221106-20221111"]
)
def test_a_crash_liquidates_who_borrowed(history: Path, days: str, mode: str) -> None:
    """At tenfold leverage a long is closed by force; profit is the sum of the trades, and nothing is NaN."""
    result = backtest(
        [AlwaysLong()],
        [PERPETUAL],
        {
            "backtest": {
                "data_dir": str(history), "exchange": "binance", "timeframe": "1h", "timerange": days,
                "capital": "10000",
            },
            "simulation": {"leverage": 10.0, "margin_mode": mode, "participation_ratio": 1.0},
            "risk": {
                "max_leverage": 20.0, "max_gross_exposure": 10.0, "max_position_pct": 0.99,
                "max_order_pct": 0.99, "max_drawdown_pct": 0.99, "max_daily_loss_pct": 0.99,
            },
            "portfolio": {"sizing": {"method": "fixed_fraction", "fraction": 0.9}},
            "regime": {"enabled": False},
        },
    )  # fmt: skip
    assert np.isfinite(result.equity["equity"].to_numpy()).all()
    net = sum((Decimal(each) for each in result.trades["net"]), Decimal(0))
    if mode == "isolated":
        assert result.summary["counts"]["liquidations"] > 0
    if not result.open_positions.height:
        assert float(Decimal(10_000) + net) == pytest.approx(float(result.equity["equity"][-1]), abs=1e-6)
