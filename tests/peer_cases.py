"""Runs to compare with other engines, and how those engines are asked about them in their own environment."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from agentic_trading.backtester.peers.run import PeerRun
from agentic_trading.core.enums import DAY_NS, HOUR_NS, MINUTE_NS

START_NS = 1_704_067_200_000_000_000
"""2024-01-01 00:00 UTC, a Monday."""
CAPITAL = 100_000.0


def made_run(
    rows: int, candle_ns: int, trades: int, seed: int, *, start_ns: int = START_NS, loses: bool = True
) -> PeerRun:
    """A walk of equity and trades one after the other, from integers only: the same on every machine."""
    drawn = seed

    def draw(most: int) -> int:
        nonlocal drawn
        drawn = (drawn * 1_103_515_245 + 12_345) % 2**31
        return (drawn >> 8) % most

    steps = np.array([0, *((draw(2001) - 990) / 400_000 for _ in range(rows - 1))])
    equity = CAPITAL * np.cumprod(1.0 + steps)
    open_ns = start_ns + np.arange(rows, dtype=np.int64) * candle_ns
    room = rows // trades if trades else 0
    entries = [number * room + draw(room // 2) for number in range(trades)]
    exits = [entry + 1 + draw(room // 2 - 1) for entry in entries]
    profit = [(draw(2000) - (900 if loses else -1)) / 4 for _ in range(trades)]
    value = [5_000 + draw(20_000) for _ in range(trades)]
    return PeerRun(
        CAPITAL, open_ns, equity,
        open_ns[entries] + 250_000_000, open_ns[exits] + 250_000_000,
        np.array(profit), np.array(profit) / np.array(value, dtype=np.float64),
    )  # fmt: skip


CASES: dict[str, PeerRun] = {
    "hours": made_run(40 * 24, HOUR_NS, 48, 7),
    "minutes": made_run(3 * 1440, MINUTE_NS, 20, 11, start_ns=START_NS + 5 * HOUR_NS + 7 * MINUTE_NS),
    "four hours": made_run(400 * 6, 4 * HOUR_NS, 120, 13),
    "days": made_run(500, DAY_NS, 40, 17),
    "only winners": made_run(30 * 24, HOUR_NS, 12, 19, loses=False),
    "one trade": made_run(10 * 24, HOUR_NS, 1, 23),
    "no trades": made_run(60 * 24, HOUR_NS, 0, 29),
    "no weekend": made_run(4 * 96, 15 * MINUTE_NS, 9, 31, start_ns=START_NS + DAY_NS),
}


def asked(peer: str, runs: Mapping[str, PeerRun]) -> dict[str, Any] | None:
    """The peer's version, and what its own functions say of each run; None where it is not installed.

    Environments are looked for as ``$BENCH_ROOT/PEER/bin/python``, by default in ``bench`` of the folder
    for temporary files.
    """
    root = Path(os.environ.get("BENCH_ROOT") or Path(tempfile.gettempdir()) / "bench")
    python = root / {"backtestingpy": "backtesting"}.get(peer, peer) / "bin" / "python"
    if not python.is_file():
        return None
    arrays = {case: {name: np.array(value).tolist() for name, value in run._asdict().items()}
              for case, run in runs.items()}  # fmt: skip
    finished = subprocess.run(
        [python, "-c", _FIRST + PROGRAMS[peer] + _LAST], input=json.dumps(arrays),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    answer: dict[str, Any] = json.loads(finished.stdout.splitlines()[-1])
    return answer


_FIRST = """
import json, math, sys
import numpy as np, pandas as pd
"""
PROGRAMS = {
    "backtestingpy": """
import backtesting as peer
from backtesting._stats import compute_stats

def figures(run):
    index = pd.to_datetime(run["open_ns"])
    bars = {name: np.searchsorted(run["open_ns"], run[at], side="right") - 1
            for name, at in (("EntryBar", "entry_ns"), ("ExitBar", "exit_ns"))}
    trades = pd.DataFrame({
        "PnL": run["profit"], "ReturnPct": run["return_ratio"], **bars,
        "Duration": pd.to_timedelta(run["exit_ns"] - run["entry_ns"], unit="ns"),
    })
    candles = pd.DataFrame({"Close": np.linspace(1.0, 2.0, len(index))}, index=index)
    found = compute_stats(trades, run["equity"], candles, None)
    found = found.drop(["Start", "End", "Buy & Hold Return [%]", "Alpha [%]", "Beta"])
    return {key: value for key, value in found.items() if key[0] != "_"}
""",
    "freqtrade": """
import freqtrade as peer
from freqtrade.data import metrics

def figures(run):
    index = pd.to_datetime(run["open_ns"], utc=True)
    capital, profit = float(run["capital"]), pd.Series(run["profit"].astype(float))
    closed = pd.to_datetime(run["exit_ns"].astype("int64"), utc=True)
    trades = pd.DataFrame({"profit_abs": profit, "close_date": closed})
    first, last = index[0].to_pydatetime(), index[-1].to_pydatetime()
    window = (trades, first, last, capital)
    lost = profit[profit < 0].sum()
    try:
        fall = metrics.calculate_max_drawdown(trades, starting_balance=capital)
    except ValueError:
        fall = metrics.DrawDownResult()
    expectancy, ratio = metrics.calculate_expectancy(trades)
    return {
        "trades": len(trades), "profit_total_abs": profit.sum(), "profit_total": profit.sum() / capital,
        "winrate": (profit > 0).sum() / len(trades) if len(trades) else 0.0,
        "cagr": metrics.calculate_cagr((last - first).days or 1, capital, run["equity"][-1]),
        "expectancy": expectancy, "expectancy_ratio": ratio,
        "sharpe": metrics.calculate_sharpe(*window), "sortino": metrics.calculate_sortino(*window),
        "calmar": metrics.calculate_calmar(*window), "sqn": metrics.calculate_sqn(trades, capital),
        "profit_factor": profit[profit > 0].sum() / abs(lost) if lost else 0.0,
        "max_drawdown_account": fall.relative_account_drawdown, "max_drawdown_abs": fall.drawdown_abs,
    }
""",
}
"""By peer: ``peer``, its package, and ``figures``, which asks its functions about a run of arrays."""

_LAST = """
def shown(key, value):
    if key.endswith("Duration"):
        key += " [days]"
    if isinstance(value, pd.Timedelta):
        value = value / pd.Timedelta(days=1)
    return key, float(value) if value is not pd.NaT and np.isfinite(value) else None

answer = {}
for case, run in json.load(sys.stdin).items():
    found = figures({name: np.array(value) for name, value in run.items()})
    answer[case] = dict(shown(*each) for each in found.items())
print(json.dumps({"version": peer.__version__, "figures": answer}))
"""
