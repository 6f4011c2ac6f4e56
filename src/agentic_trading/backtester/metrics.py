"""The figures of a run: one function from curve and trades to the metric keys, null instead of nonsense.

Returns are those of UTC days, marked to market, with fees, slippage and funding in them. A year has
365 days. Every key that cannot be computed is None and has a sentence in ``reasons``.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from agentic_trading.backtester.trades.round_trips import Trade
from agentic_trading.core.enums import DAY_NS
from agentic_trading.core.models import FloatArray, IntArray
from agentic_trading.core.money import ZERO
from agentic_trading.core.numerics import exp, log
from agentic_trading.core.statistics import drawdowns, expected_shortfall, mean, std, value_at_risk

DAYS_PER_YEAR = 365
MIN_DAYS_TO_ANNUALISE = 30
_STEADY = 1e-12
"""Deviations of daily returns below this are rounding, not risk."""

METRIC_KEYS = (
    "net_profit",
    "total_return_ratio",
    "cagr_ratio",
    "volatility_ratio",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown_ratio",
    "max_drawdown_days",
    "profit_factor",
    "expectancy",
    "win_ratio",
    "payoff_ratio",
    "trades",
    "exposure_time_ratio",
    "turnover_ratio",
    "buy_and_hold_return_ratio",
    "var_95_ratio",
    "es_95_ratio",
    "var_99_ratio",
    "es_99_ratio",
)


class Metrics(NamedTuple):
    """Values by metric key, and for each None the reason."""

    values: dict[str, float | None]
    reasons: dict[str, str]


class Curve(NamedTuple):
    """The equity curve of a run: arrays of shape (n,), one row per base candle.

    ``start_ns`` is the open of the first candle, at which equity was ``capital``.
    """

    start_ns: int
    capital: float
    timestamp_ns: IntArray
    equity: FloatArray
    gross_exposure: FloatArray


class _Withheld(Exception):
    """A metric that would be nonsense; the text says why."""


def daily_equity(timestamp_ns: IntArray, equity: FloatArray, capital: float) -> tuple[IntArray, FloatArray]:
    """Equity at the end of every UTC day from the first row's to the last row's.

    ``timestamp_ns`` are candle closes, so a close at midnight belongs to the day that ends there. Days
    without a row carry the equity before them (``capital`` before the first); the last day ends
    with the last row. Returns day ends in ns and equity, both of shape (days,).
    """
    if not timestamp_ns.shape[0]:
        return np.empty(0, dtype=np.int64), np.empty(0)
    first = (int(timestamp_ns[0]) - 1) // DAY_NS
    last = (int(timestamp_ns[-1]) - 1) // DAY_NS
    day_end_ns = np.arange(first + 1, last + 2, dtype=np.int64) * DAY_NS
    seen = np.searchsorted(timestamp_ns, day_end_ns, side="right")
    return day_end_ns, np.concatenate(([capital], equity))[seen]


def daily_returns(day_equity: FloatArray, capital: float) -> FloatArray:
    """Returns of the days, the first one against ``capital``; they end where equity reaches zero."""
    levels = np.concatenate(([capital], day_equity))
    ruined = np.flatnonzero(levels <= 0)
    if ruined.shape[0]:
        levels = levels[: int(ruined[0]) + 1]
    return levels[1:] / levels[:-1] - 1.0


def compute(
    curve: Curve,
    nets: Sequence[Decimal],
    *,
    traded_notional: Decimal,
    buy_and_hold_return: float | None,
) -> Metrics:
    """All metric keys of a run.

    ``nets`` are what its closed trades made, after costs; ``traded_notional`` is the sum of quantity times
    price over all fills; ``buy_and_hold_return`` is that of an equal-weight hold of the symbols over the
    same range without costs, None if unknown.
    """
    figures = _Figures(curve, nets, float(traded_notional), buy_and_hold_return)
    values: dict[str, float | None] = {}
    reasons: dict[str, str] = {}
    for key in METRIC_KEYS:
        try:
            value = figures.of(key)
        except _Withheld as reason:
            values[key], reasons[key] = None, str(reason)
        else:
            values[key] = value if math.isfinite(value) else None
            if values[key] is None:
                reasons[key] = "too large for a number"
    return Metrics(values, reasons)


class _Figures:
    """What the metrics share, computed once; `of` gives one metric or raises `_Withheld`."""

    def __init__(
        self, curve: Curve, nets: Sequence[Decimal], traded_notional: float, buy_and_hold: float | None
    ) -> None:
        self._curve = curve
        self._tally = _tally(nets)
        self._traded = traded_notional
        self._buy_and_hold = buy_and_hold
        rows = curve.equity.shape[0]
        self._end = float(curve.equity[-1]) if rows else curve.capital
        end_ns = int(curve.timestamp_ns[-1]) if rows else curve.start_ns
        self._days = (end_ns - curve.start_ns) / DAY_NS
        self._returns = daily_returns(
            daily_equity(curve.timestamp_ns, curve.equity, curve.capital)[1], curve.capital
        )
        self._underwater = drawdowns(np.concatenate(([curve.capital], curve.equity)))

    def of(self, key: str) -> float:
        if key in _RISK_LEVELS:
            return self._tail(key)
        if key in _TRADE_FIGURES:
            return _trade_figure(key, self._tally)
        return float(getattr(self, f"_{key}")())

    def _net_profit(self) -> float:
        return self._end - self._curve.capital

    def _total_return_ratio(self) -> float:
        return self._end / self._curve.capital - 1.0

    def _cagr_ratio(self) -> float:
        if self._days < MIN_DAYS_TO_ANNUALISE:
            raise _Withheld(f"{self._days:.1f} days are too few to annualise (at least 30)")
        growth = self._end / self._curve.capital
        if growth <= 0:
            raise _Withheld("equity ended at or below zero")
        return float(exp(log(growth) * (DAYS_PER_YEAR / self._days))) - 1.0

    def _std(self) -> float:
        if self._returns.shape[0] < 2:
            raise _Withheld("fewer than two UTC days")
        return float(std(self._returns))

    def _volatility_ratio(self) -> float:
        return self._std() * math.sqrt(DAYS_PER_YEAR)

    def _sharpe(self) -> float:
        deviation = self._std()
        if deviation <= _STEADY:
            raise _Withheld("daily returns do not vary")
        return float(mean(self._returns)) / deviation * math.sqrt(DAYS_PER_YEAR)

    def _sortino(self) -> float:
        if self._returns.shape[0] < 2:
            raise _Withheld("fewer than two UTC days")
        losses = np.minimum(self._returns, 0.0)
        downside = math.sqrt(float(mean(losses * losses)))
        if downside <= _STEADY:
            raise _Withheld("no losing day")
        return float(mean(self._returns)) * DAYS_PER_YEAR / (downside * math.sqrt(DAYS_PER_YEAR))

    def _calmar(self) -> float:
        growth, deepest = self._cagr_ratio(), self._max_drawdown_ratio()
        if deepest <= 0:
            raise _Withheld("no drawdown")
        return growth / deepest

    def _max_drawdown_ratio(self) -> float:
        return float(self._underwater.max())

    def _max_drawdown_days(self) -> float:
        """The longest time from a peak to its recovery, or to the end if it never came."""
        at_ns = np.concatenate(([self._curve.start_ns], self._curve.timestamp_ns))
        peaks = np.flatnonzero(self._underwater <= 0)
        next_peaks = np.append(peaks[1:], at_ns.shape[0] - 1)
        below = next_peaks > peaks + 1
        # A curve that ends under water is below its last peak even when only one row follows it.
        below[-1] = peaks[-1] < at_ns.shape[0] - 1
        waits = np.where(below, at_ns[next_peaks] - at_ns[peaks], 0)
        return int(waits.max()) / DAY_NS

    def _exposure_time_ratio(self) -> float:
        rows = self._curve.gross_exposure.shape[0]
        if not rows:
            raise _Withheld("no candles")
        return float(np.count_nonzero(self._curve.gross_exposure > 0) / rows)

    def _turnover_ratio(self) -> float:
        held = float(mean(self._curve.equity)) if self._curve.equity.shape[0] else 0.0
        if held <= 0:
            raise _Withheld("average equity is not positive")
        return self._traded / held

    def _buy_and_hold_return_ratio(self) -> float:
        if self._buy_and_hold is None:
            raise _Withheld("no prices to hold")
        return self._buy_and_hold

    def _tail(self, key: str) -> float:
        name, level = _RISK_LEVELS[key]
        needed = round(1 / (1 - level))
        if self._returns.shape[0] < needed:
            raise _Withheld(f"needs at least {needed} UTC days, the run has {self._returns.shape[0]}")
        measure = value_at_risk if name == "var" else expected_shortfall
        return float(measure(self._returns, level))


_RISK_LEVELS: Mapping[str, tuple[str, float]] = {
    "var_95_ratio": ("var", 0.95),
    "es_95_ratio": ("es", 0.95),
    "var_99_ratio": ("var", 0.99),
    "es_99_ratio": ("es", 0.99),
}
_TRADE_FIGURES = ("profit_factor", "expectancy", "win_ratio", "payoff_ratio", "trades")


class _Tally(NamedTuple):
    """How many trades there were, how many won and lost, and how much."""

    trades: int
    wins: int
    losses: int
    won: float
    lost: float


def _tally(nets: Sequence[Decimal]) -> _Tally:
    """A trade wins if its net is above zero."""
    wins = [net for net in nets if net > ZERO]
    losses = [net for net in nets if net < ZERO]
    return _Tally(len(nets), len(wins), len(losses), float(sum(wins, ZERO)), -float(sum(losses, ZERO)))


def _trade_figure(key: str, told: _Tally) -> float:
    """Figures of closed round trips, after costs."""
    if key == "trades":
        return told.trades
    if not told.trades:
        raise _Withheld("no closed trades")
    if key == "expectancy":
        return (told.won - told.lost) / told.trades
    if key == "win_ratio":
        return told.wins / told.trades
    if not told.losses:
        raise _Withheld("no losing trade")
    if key == "profit_factor":
        return told.won / told.lost
    if not told.wins:
        raise _Withheld("no winning trade")
    return (told.won / told.wins) / (told.lost / told.losses)


def trade_figures(trades: Sequence[Trade]) -> dict[str, float | None]:
    """The trade metrics (profit factor, expectancy, win and payoff ratio, count) of some trades."""
    figures: dict[str, float | None] = {}
    tally = _tally([trade.net for trade in trades])
    for key in _TRADE_FIGURES:
        try:
            figures[key] = _trade_figure(key, tally)
        except _Withheld:
            figures[key] = None
    return figures
