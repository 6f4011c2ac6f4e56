"""The metrics agree with closed forms, and what would be nonsense is null with a reason."""

import math
from decimal import Decimal

import numpy as np
import pytest

from agentic_trading.backtester.metrics import METRIC_KEYS, Curve, Metrics, compute, daily_equity
from agentic_trading.core.enums import DAY_NS, HOUR_NS

CAPITAL = 1000.0


def daily_curve(equity: list[float], gross: list[float] | None = None) -> Curve:
    """One row per UTC day, at its end."""
    at_ns = np.arange(1, len(equity) + 1, dtype=np.int64) * DAY_NS
    exposure = np.array(gross if gross is not None else [0.0] * len(equity))
    return Curve(0, CAPITAL, at_ns, np.array(equity), exposure)


def metrics_of(equity: list[float], nets: tuple[str, ...] = (), gross: list[float] | None = None) -> Metrics:
    return compute(
        daily_curve(equity, gross), [Decimal(net) for net in nets],
        traded_notional=Decimal(5000), buy_and_hold_return=0.25,
    )  # fmt: skip


def compounded(returns: list[float]) -> list[float]:
    return (CAPITAL * np.cumprod(1.0 + np.array(returns))).tolist()


def test_every_key_is_there_and_every_null_has_a_reason() -> None:
    """All metric keys are present, finite or null, and exactly the nulls have a reason."""
    for equity in (
        [],
        [1000.0],
        [1000.0] * 40,
        [900.0, 0.0, 0.0],
        [1e300, 1e-300],
        compounded([0.01, -0.02] * 60),
    ):
        values, reasons = metrics_of(equity)
        assert tuple(values) == METRIC_KEYS
        assert {key for key, value in values.items() if value is None} == set(reasons)
        assert all(value is None or math.isfinite(value) for value in values.values())


def test_sharpe_sortino_and_volatility_follow_their_formulas() -> None:
    """Returns +2 %, -1 % in turn: mean 0.5 %, sample deviation and downside in closed form."""
    days = 100
    values = metrics_of(compounded([0.02, -0.01] * (days // 2))).values
    deviation = 0.015 * math.sqrt(days / (days - 1))
    assert values["volatility_ratio"] == pytest.approx(deviation * math.sqrt(365), rel=1e-9)
    assert values["sharpe"] == pytest.approx(0.005 / deviation * math.sqrt(365), rel=1e-9)
    downside = math.sqrt(0.0001 / 2)
    assert values["sortino"] == pytest.approx(0.005 * 365 / (downside * math.sqrt(365)), rel=1e-9)


def test_cagr_of_a_doubling_in_a_year_is_one() -> None:
    """Equity that doubles over 365 days has a CAGR of 100 %, and Calmar is CAGR over max drawdown."""
    equity = [1000.0] * 364 + [2000.0]
    equity[100] = 800.0
    values = metrics_of(equity).values
    assert values["cagr_ratio"] == pytest.approx(1.0, rel=1e-12)
    assert values["max_drawdown_ratio"] == pytest.approx(0.2)
    assert values["calmar"] == pytest.approx(5.0)


def test_short_runs_are_not_annualised() -> None:
    """Under 30 days CAGR and Calmar are null, at 30 days they are not."""
    assert metrics_of(compounded([0.01, -0.005] * 14)).values["cagr_ratio"] is None
    assert "too few" in metrics_of(compounded([0.01, -0.005] * 14)).reasons["calmar"]
    assert metrics_of(compounded([0.01, -0.005] * 15)).values["cagr_ratio"] is not None


def test_drawdown_counts_from_the_capital() -> None:
    """A run that only loses is under water from its start, by the loss against its capital."""
    values = metrics_of([900.0, 950.0, 800.0]).values
    assert values["max_drawdown_ratio"] == pytest.approx(0.2)
    assert values["max_drawdown_days"] == pytest.approx(3.0)


def test_longest_time_under_water_runs_from_peak_to_recovery() -> None:
    """The longest wait is from the peak's row to the row that reaches it again."""
    values = metrics_of([1100.0, 1000.0, 1050.0, 1100.0, 1200.0, 1150.0]).values
    assert values["max_drawdown_days"] == pytest.approx(3.0)
    assert metrics_of([1000.0, 1100.0, 1200.0]).values["max_drawdown_days"] == 0


def test_trade_figures_follow_their_formulas() -> None:
    """Profit factor, expectancy, win and payoff ratio of four known trades; a zero net does not win."""
    values = metrics_of([1000.0] * 3, ("30", "10", "-20", "0")).values
    assert values["trades"] == 4
    assert values["profit_factor"] == pytest.approx(2.0)
    assert values["expectancy"] == pytest.approx(5.0)
    assert values["win_ratio"] == pytest.approx(0.5)
    assert values["payoff_ratio"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("nets", "key", "reason"),
    [
        ((), "expectancy", "no closed trades"),
        (("5",), "profit_factor", "no losing trade"),
        (("-5",), "payoff_ratio", "no winning trade"),
    ],
)
def test_trade_figures_without_a_base_are_null(nets: tuple[str, ...], key: str, reason: str) -> None:
    """A ratio whose denominator is missing is null and says what is missing."""
    values, reasons = metrics_of([1000.0] * 3, nets)
    assert values[key] is None
    assert reasons[key] == reason


def test_flat_equity_has_no_sharpe() -> None:
    """Without variation there is no risk to divide by: Sharpe and Sortino are null."""
    values, reasons = metrics_of([1000.0] * 50)
    assert (values["sharpe"], values["sortino"]) == (None, None)
    assert reasons["sharpe"] == "daily returns do not vary"
    assert reasons["sortino"] == "no losing day"


def test_steady_growth_has_no_sharpe_from_rounding() -> None:
    """Equal returns differ only by float rounding, which is not risk."""
    assert metrics_of(compounded([0.001] * 200)).values["sharpe"] is None


def test_value_at_risk_needs_enough_days() -> None:
    """VaR 95 needs 20 days and VaR 99 needs 100; the measured loss is a positive number."""
    short = metrics_of(compounded([0.01, -0.02] * 9 + [0.01]))
    assert (short.values["var_95_ratio"], short.values["es_99_ratio"]) == (None, None)
    assert "at least 20" in short.reasons["var_95_ratio"]
    values = metrics_of(compounded([0.01] * 90 + [-0.05] * 10)).values
    assert values["var_95_ratio"] == pytest.approx(0.05)
    assert values["es_99_ratio"] == pytest.approx(0.05)


def test_exposure_turnover_and_hold() -> None:
    """Exposure is the share of rows with a position, turnover is notional over average equity."""
    values = metrics_of([1000.0, 3000.0], gross=[0.0, 10.0]).values
    assert values["exposure_time_ratio"] == pytest.approx(0.5)
    assert values["turnover_ratio"] == pytest.approx(2.5)
    assert values["buy_and_hold_return_ratio"] == pytest.approx(0.25)
    assert values["net_profit"] == pytest.approx(2000.0)
    assert values["total_return_ratio"] == pytest.approx(2.0)


def test_returns_end_with_ruin() -> None:
    """Nothing after equity reaches zero counts as a return; growth from ruin is null."""
    values, reasons = metrics_of([500.0, 0.0, 0.0] + [0.0] * 40)
    assert values["total_return_ratio"] == -1
    assert values["cagr_ratio"] is None
    assert "zero" in reasons["cagr_ratio"]
    assert values["volatility_ratio"] == pytest.approx(math.sqrt(0.125) * math.sqrt(365))


def test_a_close_at_midnight_belongs_to_the_day_that_ends() -> None:
    """Hourly rows over two days give two day ends, each with the row of its midnight close."""
    at_ns = np.arange(1, 49, dtype=np.int64) * HOUR_NS
    days, equity = daily_equity(at_ns, np.arange(1.0, 49.0), 100.0)
    assert days.tolist() == [DAY_NS, 2 * DAY_NS]
    assert equity.tolist() == [24.0, 48.0]


def test_days_without_rows_carry_equity_forward() -> None:
    """A gap of days has the equity before it, and a last part of a day counts with its last row."""
    at_ns = np.array([HOUR_NS, 3 * DAY_NS + HOUR_NS], dtype=np.int64)
    days, equity = daily_equity(at_ns, np.array([5.0, 7.0]), 4.0)
    assert days.tolist() == [DAY_NS, 2 * DAY_NS, 3 * DAY_NS, 4 * DAY_NS]
    assert equity.tolist() == [5.0, 5.0, 5.0, 7.0]
    assert daily_equity(np.empty(0, dtype=np.int64), np.empty(0), 4.0)[0].shape == (0,)
