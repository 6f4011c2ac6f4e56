"""W3: a hundred parameter sets over the same candles, as `agentic-trading optimize` runs them."""

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import workloads
from workloads import CORES, GRID, STRATEGY_DIRS, Figures, Work

from agentic_trading.commands.optimize import Evaluation
from agentic_trading.optimization.executors import processes
from agentic_trading.optimization.search import Value, grid
from agentic_trading.request import effective_settings


class Timed:
    """An evaluation that notes when it began and ended; each worker first warms up on few candles."""

    def __init__(self, evaluation: Evaluation, warm_up: Evaluation) -> None:
        self.evaluation = evaluation
        self._warm_up = warm_up
        self._warm = False

    def __call__(self, params: Mapping[str, Value]) -> dict[str, Any]:
        """What the evaluation says, and the two moments; one clock serves all processes of a machine."""
        if not self._warm:
            self._warm_up(params)
            self._warm = True
        began = perf_counter()
        return {**self.evaluation(params), "began": began, "ended": perf_counter()}


def sweep(work: Work, root: Path) -> Figures:
    """Run all sets of the grid. ``seconds``: shared features, and from the first set to the end of the last.

    Starting the workers and reading the candles come before; ``wall_s`` has them in it.
    """
    short = workloads.shortened(work)
    workloads.prepare(short, root)
    sets = grid(GRID)
    timed = Timed(_evaluation(work, root), _evaluation(short, root))
    features_s = 0.0

    def prepare() -> None:
        nonlocal features_s
        timed.evaluation.prepare(sets[:1])
        began = perf_counter()
        timed.evaluation.prepare(sets)
        features_s = perf_counter() - began

    started = perf_counter()
    outcomes = list(processes(timed, sets, CORES, meanwhile=prepare))
    wall_s = perf_counter() - started
    failed = [outcome.error for outcome in outcomes if outcome.error]
    if failed:
        raise SystemExit(failed[0])
    found = [outcome.value for outcome in outcomes if outcome.value is not None]
    first, last = min(each["began"] for each in found), max(each["ended"] for each in found)
    metrics = [each["metrics"] for each in found]
    mean_profit = sum(each["net_profit"] for each in metrics) / len(metrics)
    return {
        **workloads.speed(work, len(sets) * work.rows, features_s + last - first),
        "features_s": round(features_s, 4),
        "wall_s": round(wall_s, 3),
        "trades": sum(each["trades"] for each in metrics),
        "final_equity": round(workloads.CROSS_SETTINGS["backtest.capital"] + mean_profit, 2),
        "peak_rss_mb": workloads.peak_rss_mb(),
        "worker_rss_mb": workloads.largest_child_mb(),
    }


def _evaluation(work: Work, root: Path) -> Evaluation:
    settings = workloads.settings_of(work, root)
    chosen, _ = effective_settings(settings, ["ema_cross"], workloads.symbols_of(work), STRATEGY_DIRS)
    return Evaluation(chosen, STRATEGY_DIRS)
