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
from agentic_trading.data.history import CANDLE_COLUMNS, HistoryStore
from agentic_trading.data.sample_market import generate
from agentic_trading.features import ema

Figures = dict[str, Any]

STRATEGY_DIRS = (Path(__file__).parent / "strategies",)
SAMPLE_DAYS = 348
"""Of the typical workload: 501,120 minutes."""
SAMPLE_SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT")
GRID = {"ema_cross.fast": list(range(5, 25, 2)), "ema_cross.slow": list(range(26, 76, 5))}
"""Of W3: a hundred parameter sets from twenty different averages."""
CORES = 2


class Work(msgspec.Struct, frozen=True):
    """One workload: its kind, how many symbols and candles of each, and how replay steps."""

    name: str
    about: str
    kind: str = "cross"
    symbols: int = 1
    rows: int = 500_000
    step: str = "auto"
    strategy: str = "ema_cross"


WORKS = {
    work.name: work
    for work in (
        Work("W1", "EMA 12/26 cross, 500k minute candles"),
        Work("every", "W1, every row looked at", step="every"),
        Work("bus", "W1, every row looked at, no short cuts", step="bus"),
        Work("stops", "W1 with a protective stop on each entry", strategy="ema_cross_stops"),
        Work("W2", "W1 on 10 symbols of 100k, one portfolio", symbols=10, rows=100_000),
        Work("W3", "W1 with 100 parameter sets on 100k candles, two cores", kind="sweep", rows=100_000),
        Work("W4-50k", "growth: W1 on 50k candles", rows=50_000),
        Work("W4-200k", "growth: W1 on 200k candles", rows=200_000),
        Work("W4-2M", "growth: W1 on 2M candles", rows=2_000_000),
        Work("typical", "shipped configs, 3 x 501k", kind="typical", symbols=3, rows=SAMPLE_DAYS * 1440),
        Work("cold", "process start to the end of a backtest", kind="cold"),
    )
}

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
    if work.kind == "typical":
        market = generate(7, work.rows // 1440)
        for symbol in symbols_of(work):
            candles = market.candles(symbol)
            columns = dict(zip(CANDLE_COLUMNS, [candles.open_ns // 1_000_000, *candles.bars], strict=True))
            HistoryStore(folder).write_candles(
                "binance", symbol, Timeframe.M1, pl.DataFrame(columns), "synthetic sample market"
            )
        return
    # In a sweep the slowest average is the last to be warm: all sets begin where the walk does.
    slow = max(GRID["ema_cross.slow"]) if work.kind == "sweep" else walk_data.SLOW
    walk_data.write_walks(folder, symbols_of(work), work.rows, ema(slow).warm_up)


def data_folder(work: Work, root: Path) -> Path:
    """Where the candles of a workload are; equal ones are shared."""
    return root / f"{work.kind}-{work.symbols}x{work.rows}"


def symbols_of(work: Work) -> tuple[str, ...]:
    """The symbols of a workload."""
    if work.kind == "typical":
        return SAMPLE_SYMBOLS
    return ("BTC/USDT",) if work.symbols == 1 else tuple(f"S{i}/USDT" for i in range(work.symbols))


def settings_of(work: Work, root: Path) -> dict[str, Any]:
    """What a workload lays over the shipped settings files."""
    settings: dict[str, Any] = {
        "backtest.data_dir": str(data_folder(work, root)),
        "backtest.exchange": "binance",
        "backtest.step": work.step,
    }
    return settings if work.kind == "typical" else settings | dict(CROSS_SETTINGS)


def run(work: Work, root: Path) -> Figures:
    """Do the work once, in this process, and measure it; compiled code is warmed on a short run before.

    Raises ValueError for a sweep, which `sweep.sweep` does.
    """
    if work.kind == "sweep":
        raise ValueError(f"{work.name} is a sweep")
    if work.kind == "cold":
        return _cold(root)
    if work.kind == "typical":
        _backtest(work, root, {"backtest.timerange": "20240101-20240115"})
    else:
        warm_up = shortened(work)
        prepare(warm_up, root)
        _backtest(warm_up, root, {})
    result = _backtest(work, root, {})
    summary = result.summary
    timing, counts = summary["timing"], summary["counts"]
    seconds = timing["features_s"] + timing["replay_s"]
    return {
        **speed(work, work.symbols * work.rows, seconds),
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


def speed(work: Work, candles: int, seconds: float) -> Figures:
    """The figures that every workload has: candles over seconds, both ways."""
    return {
        "workload": work.name,
        "candles": candles,
        "seconds": round(seconds, 4),
        "candles_per_s": round(candles / seconds),
        "us_per_candle": round(seconds / candles * 1e6, 4),
    }


def shortened(work: Work) -> Work:
    """The same work on few candles."""
    return msgspec.structs.replace(work, rows=3_000)


def _backtest(work: Work, root: Path, more: Mapping[str, Any]) -> Any:
    settings = settings_of(work, root) | dict(more)
    strategies = None if work.kind == "typical" else [work.strategy]
    return backtest(strategies, symbols_of(work), settings, strategy_dirs=STRATEGY_DIRS)


def _cold(root: Path) -> Figures:
    """The second `agentic-trading backtest -q`: code and modules compiled, sample market written.

    ``seconds`` is wall time, ``cpu_s`` what the process computed in it, on all cores.
    """
    folder = root / "cold"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "agentic_trading", "backtest", "-q", "-d", str(folder)]
    kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "modules")}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    wall_s = cpu_s = 0.0
    with tempfile.TemporaryDirectory(dir=root) as here:
        for turn in ("first", "second"):
            began, computed = perf_counter(), _cpu_of_children()
            subprocess.run([*command, "--out", turn], cwd=here, env=kept, check=True, capture_output=True)
            wall_s, cpu_s = perf_counter() - began, _cpu_of_children() - computed
    figures = {"seconds": round(wall_s, 3), "cpu_s": round(cpu_s, 3)}
    return {"workload": "cold", **figures, "peak_rss_mb": largest_child_mb()}


def _cpu_of_children() -> float:
    """Seconds that processes started here, and ended, have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_rss_mb() -> float:
    """The largest resident size of this process so far, in MiB."""
    status = Path("/proc/self/status")
    if status.exists():  # unlike rusage, it does not inherit the peak of the process that started this one
        return round(int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024, 1)
    return _mebibytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def largest_child_mb() -> float:
    """The largest resident size of any process started here and ended, in MiB."""
    return _mebibytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)


def _mebibytes(max_rss: int) -> float:
    return round(max_rss / (1 << 20 if sys.platform == "darwin" else 1 << 10), 1)


def clean_environment() -> dict[str, str]:
    """This environment without settings of the user's: the configs as shipped."""
    return {name: value for name, value in os.environ.items() if not name.startswith("TRADING_")}
