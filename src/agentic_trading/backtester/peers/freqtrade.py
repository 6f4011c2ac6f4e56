"""The figures of Freqtrade: what the functions of its ``data/metrics.py`` give for the same closed trades.

Keys are those of its results. Ratios rest on profits per trade over the starting balance, spread over the
days of the run, not on a marked equity curve; -100 stands for a ratio without denominator.
"""

import math

import numpy as np

from agentic_trading.backtester.peers.run import PeerRun, known
from agentic_trading.core.enums import DAY_NS
from agentic_trading.core.models import FloatArray

VERSION = "2026.9"
_NO_RATIO = -100.0


def figures(run: PeerRun) -> dict[str, float | None]:
    """All figures by the key that Freqtrade's results use; the balance at the end is the marked equity."""
    whole_days = int(run.open_ns[-1] - run.open_ns[0]) // DAY_NS
    days = max(whole_days, 1)
    profit = run.profit
    shares = profit / run.capital
    expected = float(shares.sum()) / days
    drawdown, ratio = _deepest(profit, run.capital)
    lost = float(profit[profit < 0].sum())
    ranged = profit.shape[0] > 0 and run.open_ns[0] != run.open_ns[-1]
    return known({
        "trades": profit.shape[0],
        "profit_total_abs": float(profit.sum()),
        "profit_total": float(profit.sum()) / run.capital,
        "winrate": float((profit > 0).mean()) if profit.shape[0] else 0.0,
        "cagr": _cagr(days, run.capital, float(run.equity[-1])),
        **_expectancy(profit),
        "sharpe": _annual(expected, _std(shares)) if ranged else 0.0,
        "sortino": _annual(expected, _std(shares[profit < 0])) if ranged else 0.0,
        "calmar": _annual(expected * 100, ratio) if ranged else 0.0,
        "sqn": _sqn(shares),
        "profit_factor": float(profit[profit > 0].sum()) / abs(lost) if lost else 0.0,
        "max_drawdown_account": ratio,
        "max_drawdown_abs": drawdown,
    })  # fmt: skip


def _cagr(days: int, start: float, end: float) -> float:
    if end < 0:
        return 0.0
    try:
        return float((end / start) ** (1 / (days / 365))) - 1
    except OverflowError:
        return 0.0


def _expectancy(profit: FloatArray) -> dict[str, float]:
    """Mean profit in quote, and expected profit per unit of the average loss (100 without losses)."""
    won, lost = profit[profit > 0], profit[profit < 0]
    average_win = float(won.mean()) if won.shape[0] else 0.0
    average_loss = -float(lost.mean()) if lost.shape[0] else 0.0
    count = profit.shape[0] or 1
    wins, losses = won.shape[0] / count, lost.shape[0] / count
    ratio = (1 + average_win / average_loss) * wins - 1 if average_loss else 100.0
    return {"expectancy": wins * average_win - losses * average_loss, "expectancy_ratio": ratio}


def _annual(expected: float, spread: float) -> float:
    return expected / spread * math.sqrt(365) if spread else _NO_RATIO


def _std(values: FloatArray) -> float:
    return float(values.std()) if values.shape[0] else 0.0


def _deepest(profit: FloatArray, capital: float) -> tuple[float, float]:
    """The largest fall of summed profits from their peak in quote, and its share of the balance there."""
    summed = np.concatenate(([0.0], np.cumsum(profit)))
    peaks = np.maximum.accumulate(summed)
    at = int(np.argmin(summed - peaks))
    fall = float(peaks[at] - summed[at])
    return fall, fall / (capital + float(peaks[at]))


def _sqn(shares: FloatArray) -> float:
    spread = float(shares.std(ddof=1)) if shares.shape[0] > 1 else 0.0
    if not spread:
        return _NO_RATIO if shares.shape[0] else 0.0
    return round(math.sqrt(shares.shape[0]) * (float(shares.mean()) / spread), 4)
