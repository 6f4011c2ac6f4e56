"""What is measured: the work of each benchmark, from data in a folder to one line of figures."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import msgspec
import polars as pl
import walk_data

from agentic_trading import backtest
from agentic_trading.core.enums import Timeframe
from agentic_trading.core.events import FeatureVector, Signal
from agentic_trading.core.interfaces import TradingContext
from agentic_trading.core.models import Candle
from agentic_trading.features import FeatureSpec, FeatureTable, Triggers, ema
from agentic_trading.strategies.base import BaseStrategy, StrategyParams
from agentic_trading.strategies.registry import register_strategy

Figures = dict[str, Any]

SAMPLE_DAYS = 348
"""Of the typical workload: 501,120 minutes."""
SAMPLE_SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")


class Work(msgspec.Struct, frozen=True):
    """One workload: its kind, how many symbols and candles of each, and how replay steps."""

    name: str
    about: str
    kind: str = "cross"
    symbols: int = 1
    rows: int = 500_000
    step: str = "auto"

    @property
    def candles(self) -> int:
        """Symbols times candles."""
        return self.symbols * self.rows


WORKS = {
    work.name: work
    for work in (
        Work("W1", "EMA 12/26 cross, 500k minute candles"),
        Work("W2", "the same on 10 symbols, one portfolio", symbols=10, rows=100_000),
        Work("W4-50k", "growth: W1 on 50k candles", rows=50_000),
        Work("W4-200k", "growth: W1 on 200k candles", rows=200_000),
        Work("W4-500k", "growth: W1 on 500k candles"),
        Work("typical", "shipped configs, 3 x 501k", kind="typical", symbols=3, rows=SAMPLE_DAYS * 1440),
        Work("every", "W1, every row looked at", step="every"),
        Work("cold", "process start to the end of a backtest", kind="cold"),
    )
}


class CrossParams(StrategyParams):
    """Windows of the two averages, in candles."""

    fast: int = walk_data.FAST
    slow: int = walk_data.SLOW


@register_strategy("ema_cross_benchmark")
class EmaCross(BaseStrategy[CrossParams]):
    """Long while the fast average is above the slow one; the strategy every compared engine runs."""

    timeframes = (Timeframe.M1,)

    def features(self) -> list[FeatureSpec]:
        """The two averages."""
        return [ema(self.params.fast), ema(self.params.slow)]

    def on_candle(self, ctx: TradingContext, candle: Candle, features: FeatureVector) -> Signal | None:
        """Wish for a long position above, for none otherwise."""
        fast, slow = features[f"ema_{self.params.fast}"], features[f"ema_{self.params.slow}"]
        reasons = {"fast": fast, "slow": slow}
        return Signal.long(candle, reasons=reasons) if fast > slow else Signal.flat(candle, reasons=reasons)

    def triggers(self, table: FeatureTable) -> Triggers:
        """Enter above, leave below."""
        above = table[f"ema_{self.params.fast}"] > table[f"ema_{self.params.slow}"]
        return Triggers(entry=above, exit=~above)


CROSS_SETTINGS: Mapping[str, Any] = {
    "backtest.capital": 1_000_000,
    "simulation.fills": "next_open",
    "simulation.taker_fee_bps": 10,
    "simulation.maker_fee_bps": 10,
    "portfolio.sizing": {"method": "fixed_quantity", "quantity": "0.1"},
    "regime.enabled": False,
    "risk.max_drawdown_pct": 0.9,
    "risk.max_daily_loss_pct": 0.9,
}


def prepare(work: Work, root: Path) -> None:
    """Write the candles of a workload below ``root``, once; a second call finds them."""
    folder = data_folder(work, root)
    if work.kind == "cold" or folder.exists():
        return
    if work.kind == "cross":
        walk_data.write_walks(folder, symbols_of(work), work.rows, ema(walk_data.SLOW).warm_up)
        return
    from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
    from agentic_trading.data.sample_market import generate

    market = generate(7, SAMPLE_DAYS)
    for symbol in SAMPLE_SYMBOLS:
        candles = market.candles(symbol)
        columns = dict(zip(CANDLE_COLUMNS, [candles.open_ns // 1_000_000, *candles.bars], strict=True))
        HistoryStore(folder).write_candles(
            "binance", symbol, Timeframe.M1, pl.DataFrame(columns), "synthetic sample market"
        )


def data_folder(work: Work, root: Path) -> Path:
    """Where the candles of a workload are; equal ones are shared."""
    return root / f"{work.kind}-{work.symbols}x{work.rows}"


def symbols_of(work: Work) -> tuple[str, ...]:
    """The symbols of a workload."""
    if work.kind == "typical":
        return SAMPLE_SYMBOLS
    return ("BTC/USDT",) if work.symbols == 1 else tuple(f"S{i}/USDT" for i in range(work.symbols))


def run(work: Work, root: Path) -> Figures:
    """Do the work once, in this process, and measure it; compiled code is warmed on a short run before."""
    if work.kind == "cold":
        return _cold(root)
    if work.kind == "cross":
        warm_up = msgspec.structs.replace(work, rows=3_000)
        prepare(warm_up, root)
        _backtest(warm_up, root, {})
    else:
        _backtest(work, root, {"backtest.timerange": "20240101-20240115"})
    result = _backtest(work, root, {})
    summary = result.summary
    timing, counts = summary["timing"], summary["counts"]
    seconds = timing["features_s"] + timing["replay_s"]
    return {
        "workload": work.name,
        "candles": work.candles,
        "seconds": round(seconds, 4),
        "candles_per_s": round(work.candles / seconds),
        "us_per_candle": round(seconds / work.candles * 1e6, 4),
        "features_s": round(timing["features_s"], 4),
        "replay_s": round(timing["replay_s"], 4),
        "load_s": round(timing["load_s"], 4),
        "wake_rows": counts["wake_rows"],
        "fills": counts["fills"],
        "trades": counts["trades"],
        "final_equity": round(float(result.equity["equity"][-1]), 2),
        "fingerprint": summary["fingerprint"],
        "peak_rss_mb": peak_rss_mb(),
    }


def _backtest(work: Work, root: Path, more: Mapping[str, Any]) -> Any:
    settings: dict[str, Any] = {
        "backtest.data_dir": str(data_folder(work, root)),
        "backtest.exchange": "binance",
        "backtest.step": work.step,
    }
    if work.kind == "typical":
        return backtest(symbols=symbols_of(work), settings=settings | dict(more))
    settings |= dict(CROSS_SETTINGS) | dict(more)
    return backtest(strategies=[EmaCross()], symbols=symbols_of(work), settings=settings)


def _cold(root: Path) -> Figures:
    """Wall time of the second `agentic-trading backtest -q`: code compiled, sample market written."""
    folder = root / "cold"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "agentic_trading", "backtest", "-q", "-d", str(folder)]
    seconds = 0.0
    with tempfile.TemporaryDirectory(dir=root) as here:
        for _ in range(2):
            began = perf_counter()
            subprocess.run(
                [*command, "--out", f"{here}/run-{began}"], cwd=here, check=True, capture_output=True
            )
            seconds = perf_counter() - began
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )
    return {"workload": "cold", "seconds": round(seconds, 3), "peak_rss_mb": round(largest, 1)}


def peak_rss_mb() -> float:
    """The largest resident size of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike rusage, it does not inherit the peak of the process that started this one
        return round(int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024, 1)
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit, 1)


def clean_environment() -> dict[str, str]:
    """This environment without settings of the user's: the configs as shipped."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRADING_")}
