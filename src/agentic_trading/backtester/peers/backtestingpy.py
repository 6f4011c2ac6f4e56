"""The figures of backtesting.py: what its ``compute_stats`` shows for the same equity and trades.

Keys are its own; durations are in days. Left out: buy and hold, alpha and beta, which know one market only.
"""

import numpy as np

from agentic_trading.backtester.peers.run import PeerRun, known
from agentic_trading.core.enums import DAY_NS, HOUR_NS, MINUTE_NS, SECOND_NS
from agentic_trading.core.models import FloatArray, IntArray

VERSION = "0.6.6"
_NAN = float("nan")
_THURSDAY = 3  # 1970-01-01, Monday being 0


def figures(run: PeerRun) -> dict[str, float | None]:
    """All figures by the key that backtesting.py uses."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return known(_whole(run) | _risk(run) | _drawdowns(run) | _trades(run))


def _whole(run: PeerRun) -> dict[str, float]:
    span_ns = int(run.open_ns[-1] - run.open_ns[0])
    held = np.zeros(run.open_ns.shape[0], dtype=np.bool_)
    bars = (np.searchsorted(run.open_ns, at, side="right") - 1 for at in (run.entry_ns, run.exit_ns))
    for first, last in zip(*bars, strict=True):
        held[max(first, 0) : last + 1] = True
    return {
        "Duration [days]": span_ns / DAY_NS,
        "Exposure Time [%]": float(held.mean()) * 100,
        "Equity Final [$]": run.equity[-1],
        "Equity Peak [$]": run.equity.max(),
        "Return [%]": (run.equity[-1] - run.equity[0]) / run.equity[0] * 100,
    }


def _risk(run: PeerRun) -> dict[str, float]:
    """Annualised by compounding the geometric mean of UTC days, 252 of them a year without weekends."""
    equity, year = run.equity, _days_per_year(run.open_ns)
    returns = _daily(run)
    growth = np.float64(1 + _geometric_mean(returns))
    variance = returns.var(ddof=1) if returns.shape[0] > 1 else _NAN
    annual = growth**year - 1
    deviation = np.sqrt((variance + growth**2) ** year - growth ** (2 * year))
    losses = np.minimum(returns, 0.0)
    downside = np.sqrt(np.mean(losses * losses)) * np.sqrt(year) if returns.shape[0] else _NAN
    deepest = _below(equity).max()
    years = (int(run.open_ns[-1] - run.open_ns[0]) // SECOND_NS) * SECOND_NS / DAY_NS / 365.25
    return {
        "Return (Ann.) [%]": annual * 100,
        "Volatility (Ann.) [%]": deviation * 100,
        "CAGR [%]": ((equity[-1] / equity[0]) ** (1 / years) - 1) * 100 if years else _NAN,
        "Sharpe Ratio": annual / (deviation or _NAN),
        "Sortino Ratio": np.divide(annual, downside),
        "Calmar Ratio": annual / (deepest or _NAN),
    }


def _drawdowns(run: PeerRun) -> dict[str, float]:
    """A drawdown lasts from a peak to the next row at a peak, or to the last row; one row is none."""
    below, at_ns = _below(run.equity), run.open_ns
    peaks = np.unique(np.append(np.flatnonzero(below == 0), below.shape[0] - 1))
    begins, ends = peaks[:-1], peaks[1:]
    lasting = ends > begins + 1
    begins, ends = begins[lasting], ends[lasting]
    depths = np.array([below[first : last + 1].max() for first, last in zip(begins, ends, strict=True)])
    if not depths.shape[0]:
        depths = below[below > 0]
    longest, mean = _longest_and_mean(at_ns[ends] - at_ns[begins], at_ns)
    return {
        "Max. Drawdown [%]": -below.max() * 100,
        "Avg. Drawdown [%]": -_mean(depths) * 100,
        "Max. Drawdown Duration [days]": longest,
        "Avg. Drawdown Duration [days]": mean,
    }


def _trades(run: PeerRun) -> dict[str, float]:
    """Of returns per trade: average (geometric), factor, expectancy; of profits: SQN and Kelly."""
    profit, returns = run.profit, run.return_ratio
    count = profit.shape[0]
    won, lost = returns[returns > 0], returns[returns < 0]
    wins = float((profit > 0).mean()) if count else _NAN
    deviation = profit.std(ddof=1) if count > 1 else _NAN
    payoff = _mean(profit[profit > 0]) / -_mean(profit[profit < 0])
    longest, mean = _longest_and_mean(run.exit_ns - run.entry_ns, run.open_ns)
    return {
        "# Trades": count,
        "Win Rate [%]": wins * 100,
        "Best Trade [%]": returns.max() * 100 if count else _NAN,
        "Worst Trade [%]": returns.min() * 100 if count else _NAN,
        "Avg. Trade [%]": _geometric_mean(returns) * 100,
        "Max. Trade Duration [days]": longest,
        "Avg. Trade Duration [days]": mean,
        "Profit Factor": won.sum() / (abs(lost.sum()) or _NAN),
        "Expectancy [%]": _mean(returns) * 100,
        "SQN": np.sqrt(count) * _mean(profit) / (deviation or _NAN),
        "Kelly Criterion": wins - (1 - wins) / payoff,
    }


def _below(equity: FloatArray) -> FloatArray:
    peaks: FloatArray = np.maximum.accumulate(equity)
    return 1 - equity / peaks


def _daily(run: PeerRun) -> FloatArray:
    """Returns from the last row of a UTC day to that of the next day with rows."""
    days = run.open_ns // DAY_NS
    last = np.append(np.flatnonzero(np.diff(days)), days.shape[0] - 1)
    levels: FloatArray = run.equity[last]
    return levels[1:] / levels[:-1] - 1


def _days_per_year(at_ns: IntArray) -> int:
    """365 where at least 60 % of the usual share of rows are on a weekend, else 252."""
    weekday = (at_ns // DAY_NS + _THURSDAY) % 7
    return 365 if float((weekday >= 5).mean()) > 2 / 7 * 0.6 else 252


def _geometric_mean(returns: FloatArray) -> float:
    growth = returns + 1
    if not growth.shape[0]:
        return _NAN
    return 0.0 if (growth <= 0).any() else float(np.exp(np.log(growth).sum() / growth.shape[0])) - 1


def _mean(values: FloatArray) -> float:
    return float(values.mean()) if values.shape[0] else _NAN


def _longest_and_mean(lengths_ns: IntArray, at_ns: IntArray) -> tuple[float, float]:
    """In days, rounded up to the unit of the candles: days, hours, minutes or seconds."""
    if not lengths_ns.shape[0] or at_ns.shape[0] < 2:
        return _NAN, _NAN
    candle = int(np.median(np.diff(at_ns[-100:])))
    unit = next((each for each in (DAY_NS, HOUR_NS, MINUTE_NS) if candle % each == 0), SECOND_NS)
    longest, mean = int(lengths_ns.max()), int(lengths_ns.sum()) // lengths_ns.shape[0]
    return -(-longest // unit) * unit / DAY_NS, -(-mean // unit) * unit / DAY_NS
